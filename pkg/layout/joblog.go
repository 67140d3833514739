package layout

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// What QM itself writes into a job's log. The Python QM wrote lines that begin
// alike, so a folder without a record can still be told about.
const (
	startedPrefix  = "Job started by QM at: "
	finishedPrefix = "Job finished at: "
)

// StartedLine returns the first line of process.log, without its line break.
func StartedLine(at time.Time) string { return startedPrefix + at.Format(time.RFC3339) }

// FinishedLine returns the last line of process.log, without its line break.
// The end is told in words: "with code 3", "killed by signal 9 (SIGKILL)".
func FinishedLine(at time.Time, end string) string {
	return fmt.Sprintf("%s%s %s", finishedPrefix, at.Format(time.RFC3339), end)
}

// LogEnd is what a FinishedLine tells. ExitCode and Signal are nil where the
// line does not tell them; At is zero where its time can't be read.
type LogEnd struct {
	At       time.Time
	ExitCode *int
	Signal   *int
}

var (
	endCode   = Pattern(`\bwith code:? (-?\d{1,9})\b`)
	endSignal = Pattern(`\bby signal (\d{1,3})\b`)
)

// ParseStarted reads a line that begins like StartedLine. The time is zero
// where it can't be read.
func ParseStarted(line string) (time.Time, bool) {
	rest, ok := strings.CutPrefix(line, startedPrefix)
	if !ok {
		return time.Time{}, false
	}
	return logTime(rest), true
}

// ParseFinished reads a line that begins like FinishedLine.
func ParseFinished(line string) (LogEnd, bool) {
	rest, ok := strings.CutPrefix(line, finishedPrefix)
	if !ok {
		return LogEnd{}, false
	}
	end := LogEnd{At: logTime(rest)}
	if m := endCode().FindStringSubmatch(rest); m != nil {
		end.ExitCode = number(m[1])
	}
	if m := endSignal().FindStringSubmatch(rest); m != nil {
		end.Signal = number(m[1])
	}
	return end, true
}

func number(s string) *int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return nil
	}
	return &n
}

// logTime reads the time at the start of s: RFC 3339 as we write it, or one of
// the forms that Python prints, taken as local time.
func logTime(s string) time.Time {
	word, rest, _ := strings.Cut(strings.TrimSpace(s), " ")
	if t, err := time.Parse(time.RFC3339, word); err == nil {
		return t
	}
	if clock, _, _ := strings.Cut(strings.TrimSpace(rest), " "); clock != "" {
		if t, err := time.ParseInLocation("2006-01-02 15:04:05", word+" "+clock, time.Local); err == nil {
			return t
		}
	}
	if len(s) >= len(time.ANSIC) {
		if t, err := time.ParseInLocation(time.ANSIC, s[:len(time.ANSIC)], time.Local); err == nil {
			return t
		}
	}
	return time.Time{}
}
