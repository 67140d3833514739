package spool

import (
	"strings"
	"testing"
	"time"

	"qm/cmd/qmserver/internal/folder"
	"qm/pkg/layout"
)

// copying makes readings of one folder, by a clock of its own.
type copying struct {
	reading
	conditions
	now  time.Time
	last folder.Look
}

func newCopying() *copying {
	return &copying{
		conditions: conditions{settle: 2 * time.Second, jobFiles: []string{"proc_config.cfg"}},
		now:        time.Now(), last: folder.Look{Names: 1, Mark: folder.Mark{Info: 1}},
	}
}

// after lets time go by, with a change at its end or without, and reads.
func (c *copying) after(d time.Duration, changed bool) bool {
	c.now = c.now.Add(d)
	if changed {
		c.last.Sum++
	}
	return c.judge(&look{Look: c.last, start: c.now, end: c.now}, c.conditions)
}

func TestTwoReadingsAgree(t *testing.T) {
	c := newCopying()
	if c.after(0, true) || c.after(time.Second, false) || c.after(999*time.Millisecond, false) {
		t.Error("complete too early")
	}
	if !strings.HasPrefix(c.words, "arriving: 0 files, 0 B, unchanged for 2s") {
		t.Errorf("words: %s", c.words)
	}
	if !c.after(time.Millisecond, false) {
		t.Error("not complete after settle_time")
	}
}

func TestAChangeBeginsItAnew(t *testing.T) {
	c := newCopying()
	c.after(0, true)
	if c.after(1900*time.Millisecond, true) || c.after(1900*time.Millisecond, false) {
		t.Error("complete too early")
	}
	c.last.Blocks++ // a file of the final size is being filled
	if c.after(100*time.Millisecond, false) || c.after(1900*time.Millisecond, false) {
		t.Error("complete while blocks are added")
	}
}

// TestPatienceGrowsWithPauses: a copy that paused is given four times as long;
// a pause that a busy sign explains teaches nothing.
func TestPatienceGrowsWithPauses(t *testing.T) {
	c := newCopying()
	c.after(0, true)
	c.after(1500*time.Millisecond, false) // so long it certainly paused
	c.after(400*time.Millisecond, true)
	if c.after(5900*time.Millisecond, false) {
		t.Error("complete after less than four times the pause")
	}
	if !c.after(100*time.Millisecond, false) {
		t.Error("not complete after four times the pause")
	}

	c = newCopying()
	c.last.Open = "data"
	c.after(0, true)
	if c.after(90*time.Second, false) || !strings.Contains(c.words, "data is still open for writing") {
		t.Errorf("a file is open: %s", c.words)
	}
	c.last.Open = ""
	c.after(0, true)
	if !c.after(2*time.Second, false) {
		t.Error("the time while a file was open counts as a pause")
	}

	c = newCopying()
	c.after(0, true)
	for range 3 {
		c.after(100*time.Second, false)
		c.same = c.now // as if it had been found incomplete
		c.calm = 100 * time.Second
		c.after(0, true)
	}
	if c.after(119*time.Second, false) || !c.after(time.Second, false) {
		t.Error("patience is not at most 120 s")
	}
}

// TestWhole: moved in, or old, a folder is complete at the first look, by the
// clock of its file system, which may be an hour off.
func TestWhole(t *testing.T) {
	const hour = int64(time.Hour)
	now := time.Now().UnixNano() - hour
	for _, test := range []struct {
		what   string
		change func(c *copying)
		want   bool
	}{
		{"copied just now", func(c *copying) { c.last.Newest, c.fileTime = now-1e9, now }, false},
		{"old", func(c *copying) { c.last.Newest, c.fileTime = now-20e9, now }, true},
		{"not quite old", func(c *copying) { c.last.Newest, c.fileTime = now-19e9, now }, false},
		{"old, of a clock that can't be read", func(c *copying) { c.last.Newest = now - 20e9 }, false},
		{"old, without info file", func(c *copying) { c.last.Newest, c.fileTime, c.last.Verdict = now-20e9, now, folder.Missing }, false},
		{"empty when its tree was read, and with an info file right after", func(c *copying) { c.fileTime, c.last.Mark.Info, c.last.Verdict = now, 0, folder.Refused }, false},
		{"old, with a busy sign", func(c *copying) { c.last.Newest, c.fileTime, c.last.Busy = now-20e9, now, "x.part" }, false},
		{"old, refused", func(c *copying) { c.last.Newest, c.fileTime, c.last.Verdict = now-20e9, now, folder.Refused }, true},
		{"moved in", func(c *copying) { c.moved, c.last.Newest, c.last.Mark.Top = true, now-1, now }, true},
		{"moved in, and written to since", func(c *copying) { c.moved, c.last.Newest, c.last.Mark.Top = true, now+1, now }, false},
		{"moved in, and a file in it is open", func(c *copying) { c.moved, c.last.Newest, c.last.Mark.Top, c.last.Open = true, now-1, now, "x" }, false},
		{"moved in without info file", func(c *copying) { c.moved, c.last.Mark.Top, c.last.Verdict = true, now, folder.Missing }, false},
	} {
		c := newCopying()
		test.change(c)
		if got := c.after(0, true); got != test.want {
			t.Errorf("%s: complete %v, want %v (%s)", test.what, got, test.want, c.words)
		}
	}
}

func TestAnInfoFileThatDoesNotCome(t *testing.T) {
	c := newCopying()
	c.last.Verdict = folder.Missing
	c.after(0, true)
	if c.after(14*time.Second, false) || !strings.HasPrefix(c.words, "info file missing, 14s: put proc_config.cfg into it") {
		t.Errorf("words: %s", c.words)
	}
	if c.after(9*time.Minute, false) {
		t.Error("refused too early")
	}
	if !c.after(time.Minute, false) {
		t.Error("not refused after 10 minutes")
	}
	c = newCopying()
	c.last.Verdict, c.last.Names = folder.Missing, 0
	c.after(0, true)
	if c.after(time.Hour, false) || c.words != "the folder is empty" {
		t.Errorf("an empty folder: %s", c.words)
	}
	c = newCopying()
	c.last.Verdict, c.drain = folder.Missing, true
	c.after(0, true)
	if !c.after(2*time.Second, false) {
		t.Error("holds up the end of a drain")
	}
}

// TestOrderOfArrival moves folders in one after the other, each as soon as the
// one before can be told from it, and starts them one at a time, with a restart
// in between.
func TestOrderOfArrival(t *testing.T) {
	for _, events := range []bool{true, false} {
		s := newServer(t)
		s.opt.Slots, s.opt.Events = 1, events
		s.opt.Settle = 400 * time.Millisecond // the machine may be busy when they are read
		s.start()
		s.put(layout.Queued, "gate", "script = until [ -e ../../go ]; do sleep 0.01; done")
		s.await("the gate runs", func() bool { return s.where("gate") == "running" })
		var want []string
		for i := range 50 {
			name := string(rune('a'+(i*7)%26)) + string(rune('a'+i/26))
			want = append(want, name)
			s.put(layout.Done, name, `script = echo "$QM_JOB" >>../../order`)
			s.drag(layout.Done, layout.Queued, name)
			if i == 25 {
				s.end()
				s.start()
			}
			time.Sleep(2 * time.Millisecond) // a tick of the file system's clock
		}
		s.end()
		s.start()
		s.touch("go")
		s.await("all are done", func() bool { return s.where(want[49]) == "done" && s.where(want[0]) == "done" })
		s.await("none is left", func() bool { return s.queue().Waiting+s.queue().Arriving == 0 })
		s.end()
		if got := strings.Fields(s.tell("order")); strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("events %v: they started as\n%v, want\n%v", events, got, want)
		}
	}
}
