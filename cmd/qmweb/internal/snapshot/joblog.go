package snapshot

import (
	"bytes"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"qm/cmd/qmweb/internal/terminal"
	"qm/pkg/jobinfo"
	"qm/pkg/layout"
)

const (
	tailSize = 64 << 10 // where progress is looked for
	headSize = 4 << 10  // where the first line is looked for
	endSize  = 8 << 10  // where the last lines of a job without a record are looked for
	maxLine  = 200      // bytes of the last line
)

// tail is what the end of a running job's log tells, and of which log.
type tail struct {
	size     int64
	modified time.Time
	started  time.Time // zero: its first line does not tell
	progress *jobinfo.Progress
	lastLine string
}

// update reads the log again if it changed.
func (t *tail) update(dir *os.Root, sight Sight) {
	f, info, err := sight.OpenFile(dir, layout.JobLog)
	if err != nil {
		*t = tail{}
		return
	}
	defer f.Close()
	if info.Size() == t.size && info.ModTime().Equal(t.modified) {
		return
	}
	*t = tail{size: info.Size(), modified: info.ModTime()}
	t.started, _ = startedAt(f)
	data := readAt(f, max(info.Size()-tailSize, 0), tailSize)
	if p, ok := jobinfo.LastProgress(data); ok {
		t.progress = &p
	}
	t.lastLine = cut(layout.Display(terminal.LastLine(data)), maxLine)
}

// readAt returns what can be read of size bytes from offset.
func readAt(f *os.File, offset, size int64) []byte {
	buf := make([]byte, size)
	n, _ := f.ReadAt(buf, offset) // what could be read counts
	return buf[:n]
}

// takeLog takes what the log of a job without a record tells. The Python QM
// kept no records.
func (j *Job) takeLog(dir *os.Root, sight Sight) {
	f, info, err := sight.OpenFile(dir, layout.JobLog)
	if err != nil {
		return
	}
	defer f.Close()
	if at, ok := startedAt(f); ok && j.Started.IsZero() {
		j.Started = at
	}
	end := readAt(f, max(info.Size()-endSize, 0), endSize)
	if le, ok := lastFinished(end); ok {
		j.takeEnd(le)
	}
	if seconds, ok := jobinfo.LastTime(end); ok && (j.Started.IsZero() || j.Finished.IsZero()) && seconds < 1e9 {
		j.Took = time.Duration(seconds * float64(time.Second))
	}
}

// startedAt reads the first line of a log.
func startedAt(f *os.File) (time.Time, bool) {
	first, _, _ := bytes.Cut(readAt(f, 0, headSize), []byte("\n"))
	return layout.ParseStarted(strings.TrimSuffix(string(first), "\r"))
}

func lastFinished(end []byte) (layout.LogEnd, bool) {
	lines := strings.Split(string(end), "\n")
	for _, line := range slices.Backward(lines) {
		if le, ok := layout.ParseFinished(strings.TrimSuffix(line, "\r")); ok {
			return le, true
		}
	}
	return layout.LogEnd{}, false
}

func (j *Job) takeEnd(end layout.LogEnd) {
	j.Finished, j.ExitCode, j.Signal = end.At, end.ExitCode, end.Signal
	switch {
	case end.Signal != nil, end.ExitCode != nil && *end.ExitCode != 0:
		j.Outcome = layout.Failed
	case end.ExitCode != nil:
		j.Outcome = layout.Succeeded
	}
}

// ReadLog returns at most limit bytes of a file from offset on; a negative
// offset counts from the end. It also returns where they begin, and the size.
func (v Sight) ReadLog(dir *os.Root, name string, offset, limit int64) (data []byte, begin, size int64, err error) {
	f, info, err := v.OpenFile(dir, name)
	if err != nil {
		return nil, 0, 0, err
	}
	defer f.Close()
	size = info.Size()
	if offset < 0 {
		offset = max(size+offset, 0)
	}
	if offset >= size {
		return nil, offset, size, nil
	}
	data, err = io.ReadAll(io.NewSectionReader(f, offset, limit))
	return data, offset, size, err
}
