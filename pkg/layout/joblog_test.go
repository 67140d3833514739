package layout_test

import (
	"testing"
	"time"

	"qm/pkg/layout"
)

func TestStartedLine(t *testing.T) {
	at := time.Date(2026, 11, 22, 13, 15, 2, 0, time.FixedZone("", 3600))
	line := layout.StartedLine(at)
	if want := "Job started by QM at: 2026-11-22T13:15:02+01:00"; line != want {
		t.Errorf("StartedLine = %q, want %q", line, want)
	}
	if got, ok := layout.ParseStarted(line); !ok || !got.Equal(at) {
		t.Errorf("ParseStarted(%q) = %v, %v", line, got, ok)
	}
}

func TestParseFinished(t *testing.T) {
	utc := time.Date(2026, 11, 22, 13, 15, 2, 0, time.UTC)
	local := time.Date(2026, 11, 22, 13, 15, 2, 0, time.Local)
	code := func(n int) *int { return &n }
	for _, c := range []struct {
		line         string
		at           time.Time
		code, signal *int
	}{
		{layout.FinishedLine(utc, "with code 0"), utc, code(0), nil},
		{layout.FinishedLine(utc, "with code 3"), utc, code(3), nil},
		{layout.FinishedLine(utc, "killed by signal 9 (SIGKILL)"), utc, nil, code(9)},
		// As the Python QM and the Python of its time wrote them.
		{"Job finished at: 2026-11-22 13:15:02.123456 with code: -9", local, code(-9), nil},
		{"Job finished at: Sun Nov 22 13:15:02 2026 with code 1", local, code(1), nil},
		{"Job finished at: some day", time.Time{}, nil, nil},
		{"Job finished at: ", time.Time{}, nil, nil},
		{"Job finished at: 2026-11-22T13:15:02Z with code 99999999999", utc, nil, nil},
	} {
		end, ok := layout.ParseFinished(c.line)
		if !ok || end.At.Truncate(time.Second).Unix() != c.at.Unix() || !same(end.ExitCode, c.code) || !same(end.Signal, c.signal) {
			t.Errorf("ParseFinished(%q) = %v, code %v, signal %v, %v", c.line, end.At, show(end.ExitCode), show(end.Signal), ok)
		}
	}
	for _, line := range []string{"", "Job finished", " Job finished at: now", "job finished at: 2026-11-22T13:15:02Z"} {
		if end, ok := layout.ParseFinished(line); ok {
			t.Errorf("ParseFinished(%q) = %v, want none", line, end)
		}
	}
}

func same(a, b *int) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }

func show(n *int) any {
	if n == nil {
		return nil
	}
	return *n
}

func FuzzJobLog(f *testing.F) {
	f.Add("Job started by QM at: 2026-11-22T13:15:02+01:00")
	f.Add("Job finished at: Sun Nov 22 13:15:02 2026 with code 1")
	f.Add("Job finished at: 2026-11-22T13:15:02Z killed by signal 9 (SIGKILL)")
	f.Fuzz(func(_ *testing.T, line string) {
		// A job may have printed anything: it must only not panic.
		layout.ParseStarted(line)
		layout.ParseFinished(line)
	})
}
