package jobinfo

import (
	"bytes"
	"slices"
	"strconv"

	"qm/pkg/layout"
)

// ProgressTail is how many bytes of a log's end are enough to find progress.
// A tail of at least this length is taken to begin in the middle of a line.
const ProgressTail = 64 << 10

// Progress is how far a job says it is.
type Progress struct {
	Done, Total int64   // 0 where only a percentage is known
	Percent     float64 // from 0 to 100
}

var (
	escapes  = layout.Pattern(`\x1b\[[0-9;?]*[ -/]*[@-~]`)
	ratio    = layout.Pattern(`([0-9]+)[ \t]*/[ \t]*([0-9]+)`)
	percents = layout.Pattern(`([0-9]+(?:\.[0-9]+)?) ?%`)
	timeLine = layout.Pattern(`^[ \t]*[Tt]ime[ \t]*[:=][ \t]*([0-9]+(?:\.[0-9]+)?)[ \t]*(?:s|sec|seconds)?\.?[ \t]*$`)
)

// LastProgress returns the last progress in the end of a log: `i / n`, a tqdm
// bar, or `NN%`. A CR begins a line like an LF, and within a line `i / n`
// wins over a percentage, which may be a detail of it. Dates, paths, versions
// and other numbers with a slash are passed over as far as they can be told.
func LastProgress(tail []byte) (Progress, bool) {
	for line := range linesBackwards(tail) {
		line = escapes().ReplaceAll(line, nil)
		if p, ok := lastRatio(line); ok {
			return p, true
		}
		if p, ok := lastPercent(line); ok {
			return p, true
		}
	}
	return Progress{}, false
}

// LastTime returns the last run time, in seconds, that a line `time: N` of
// the Python QM tells.
func LastTime(tail []byte) (seconds float64, ok bool) {
	for line := range linesBackwards(tail) {
		if m := timeLine().FindSubmatch(line); m != nil {
			seconds, err := strconv.ParseFloat(string(m[1]), 64)
			return seconds, err == nil
		}
	}
	return 0, false
}

// linesBackwards yields the lines of a tail from the last to the first, and
// not the first one where it may be cut.
func linesBackwards(tail []byte) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		cut := len(tail) >= ProgressTail
		for {
			begin := bytes.LastIndexAny(tail, "\r\n")
			if begin < 0 && cut || !yield(tail[begin+1:]) || begin < 0 {
				return
			}
			tail = tail[:begin]
		}
	}
}

func lastRatio(line []byte) (Progress, bool) {
	all := ratio().FindAllSubmatchIndex(line, -1)
	for _, m := range slices.Backward(all) {

		if joined(line, m[0], m[1]) {
			continue
		}
		done, err1 := strconv.ParseInt(string(line[m[2]:m[3]]), 10, 64)
		total, err2 := strconv.ParseInt(string(line[m[4]:m[5]]), 10, 64)
		if err1 == nil && err2 == nil && total > 0 && done <= total {
			return Progress{Done: done, Total: total, Percent: 100 * float64(done) / float64(total)}, true
		}
	}
	return Progress{}, false
}

func lastPercent(line []byte) (Progress, bool) {
	all := percents().FindAllSubmatchIndex(line, -1)
	for _, m := range slices.Backward(all) {

		if joined(line, m[0], m[1]) {
			continue
		}
		if percent, err := strconv.ParseFloat(string(line[m[2]:m[3]]), 64); err == nil && percent <= 100 {
			return Progress{Percent: percent}, true
		}
	}
	return Progress{}, false
}

// joined reports whether what stands at line[begin:end] is part of something
// larger: a date, a path, a version, a URL, an amount with a unit.
func joined(line []byte, begin, end int) bool {
	before, after := line[:begin], line[end:]
	blank := " \t"
	if b := bytes.TrimRight(before, blank); len(b) > 0 && b[len(b)-1] == '/' {
		return true // 1 / 2 / 3
	}
	if a := bytes.TrimLeft(after, blank); len(a) > 0 && a[0] == '/' {
		return true
	}
	word := before[bytes.LastIndexAny(before, blank)+1:]
	return bytes.Contains(word, []byte("://")) || joinedBefore(before) || joinedAfter(after)
}

func joinedBefore(before []byte) bool {
	if len(before) == 0 {
		return false
	}
	last := before[len(before)-1]
	switch last {
	case '.', '-', '_', '\\', '@', '%', '~', '$', '^', '*':
		return true
	case ':', ',': // 12:30/50 and 1,234/5,678, but not step:3/10
		return len(before) > 1 && isDigit(before[len(before)-2])
	}
	return isDigit(last) || isLetter(last)
}

func joinedAfter(after []byte) bool {
	if len(after) == 0 {
		return false
	}
	next := after[0]
	switch next {
	case '-', '_', '\\', '@', '%', '~', '$', '^', '*':
		return true
	case '.', ':', ',': // 3/4.5 and a/1.txt, but not the end of a sentence
		return len(after) > 1 && (isDigit(after[1]) || next == '.' && isLetter(after[1]))
	}
	return isDigit(next) || isLetter(next)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
