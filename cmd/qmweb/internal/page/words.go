package page

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"qm/cmd/qmweb/internal/snapshot"
	"qm/pkg/layout"
)

// ago is a time as seen from now: "12 s ago", "3 h ago", "5 months ago".
func ago(t, now time.Time) string {
	d := now.Sub(t)
	text := func(d time.Duration) string {
		const day = 24 * time.Hour
		switch {
		case d < time.Minute:
			return fmt.Sprintf("%d s", d/time.Second)
		case d < time.Hour:
			return fmt.Sprintf("%d min", d/time.Minute)
		case d < 2*day:
			return fmt.Sprintf("%d h", d/time.Hour)
		case d < 60*day:
			return fmt.Sprintf("%d days", d/day)
		case d < 730*day:
			return fmt.Sprintf("%d months", d/(30*day))
		}
		return fmt.Sprintf("%d years", d/(365*day))
	}
	switch {
	case d.Abs() < 2*time.Second:
		return "just now"
	case d < 0:
		return "in " + text(-d)
	}
	return text(d) + " ago"
}

// span is a duration in at most two units: "45 s", "3 min 20 s", "2 d 4 h".
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%.1f s", max(d.Seconds(), 0))
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return twoUnits(d, time.Minute, "min", time.Second, "s")
	case d < 24*time.Hour:
		return twoUnits(d, time.Hour, "h", time.Minute, "min")
	}
	return twoUnits(d, 24*time.Hour, "d", time.Hour, "h")
}

// roughly is a duration that is only guessed: "a few seconds", "about 5 min".
func roughly(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return "a few seconds"
	case d < time.Minute:
		return fmt.Sprintf("about %d s", d.Round(5*time.Second)/time.Second)
	case d < 10*time.Hour:
		return "about " + span(d.Round(time.Minute))
	}
	return "about " + span(d.Round(time.Hour))
}

func twoUnits(d, big time.Duration, bigName string, small time.Duration, smallName string) string {
	s := fmt.Sprintf("%d %s", d/big, bigName)
	if rest := d % big / small; rest > 0 {
		s += fmt.Sprintf(" %d %s", rest, smallName)
	}
	return s
}

// badge is a word with an icon and a colour. The icon and the colour only
// repeat what the word says.
type badge struct {
	Kind string // class and icon: good, bad, warn, calm, busy, wait, pause
	Word string
}

func badgeOf(j *snapshot.Job) badge {
	switch {
	case j.State == layout.Running && j.Waits():
		return badge{"wait", "waiting"}
	case j.State == layout.Running:
		return badge{"busy", "running"}
	case j.State == layout.Queued && j.Arriving:
		return badge{"wait", "arriving"}
	case j.State == layout.Queued:
		return badge{"wait", "queued"}
	}
	switch j.Outcome {
	case layout.Succeeded:
		return badge{"good", "succeeded"}
	case layout.Failed:
		return badge{"bad", "failed"}
	case layout.TimedOut:
		return badge{"warn", "timed out"}
	case layout.Stopped, layout.Interrupted, layout.Rejected:
		return badge{"warn", string(j.Outcome)}
	}
	if j.State == layout.Lost {
		return badge{"warn", "lost"}
	}
	return badge{"calm", "ended"}
}

// endOf says how a job ended where its outcome alone does not: "code 3".
func endOf(j *snapshot.Job) string {
	switch {
	case j.State == layout.Queued || j.State == layout.Running:
		return ""
	case j.Signal != nil:
		return fmt.Sprintf("signal %d", *j.Signal)
	case j.ExitCode != nil && *j.ExitCode != 0:
		return fmt.Sprintf("code %d", *j.ExitCode)
	}
	return ""
}

// nameText is the name of a job or file as pages show it: in quotation marks
// where it begins or ends with a blank, or is nothing else.
func nameText(name string) string {
	s := layout.Display(name)
	if s != strings.TrimSpace(s) {
		return `"` + s + `"`
	}
	return s
}

// oneLine shows a text of a job on one line.
func oneLine(s string) string {
	return layout.Display(strings.Join(strings.Fields(s), " "))
}

// manyLines shows a text of a job on its own lines, without blank ones.
func manyLines(s string) string {
	var lines []string
	for line := range strings.Lines(s) {
		if line = oneLine(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

func plural(n int, one, many string) string {
	return humanize.Comma(int64(n)) + " " + nounFor(n, one, many)
}

func nounFor(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
