package spool

import (
	"fmt"
	"testing"
	"time"

	"qm/pkg/layout"
)

// TestWhatComesLaterIsNotWaitedFor: only for what lay in the queue when the server
// started the first jobs wait a while, until all of it was read; not for many that
// come just after that.
func TestWhatComesLaterIsNotWaitedFor(t *testing.T) {
	s := newStepped(t, 0)
	for i := range 3 * maxBatch {
		s.put(layout.Queued, fmt.Sprintf("job%04d", i), "script = true")
	}
	s.started = time.Now()
	s.listQueue(time.Now())
	for s.jobs.queue.Len() == 0 { // until the first of them are read
		s.startLooks(time.Now())
		s.lookedAt(<-s.looks)
	}
	s.startLooks(time.Now())
	if s.peeking == 0 {
		t.Fatal("all were read at once")
	}
	if first := s.jobs.queue.Plan(s.machine(), 1)[0].Job; s.holds(first, time.Now()) {
		t.Errorf("%s waits until all are read", first.name)
	}
}

// TestWhatLiesThereIsWaitedFor: what lay in the queue when the server started is
// waited for until the last of it was read, whatever the first listing came to.
func TestWhatLiesThereIsWaitedFor(t *testing.T) {
	s := newStepped(t, 0)
	s.opening, s.arrivals.taken = true, false
	if err := s.listAll(string(s.tree)+"/none", time.Now()); err == nil {
		t.Fatal("a folder that is not there was listed")
	}
	if s.startLooks(time.Now()); !s.opening {
		t.Error("all is known, and nothing was listed")
	}
	for i := range 2 {
		s.put(layout.Queued, fmt.Sprint("job", i), "script = true")
	}
	s.list.again, s.list.next = true, time.Time{}
	s.listQueue(time.Now())
	for left := 2; left > 0; left-- {
		if s.startLooks(time.Now()); !s.opening {
			t.Errorf("all is known, and %d are not read", left)
		}
		s.lookedAt(<-s.looks)
	}
	if s.startLooks(time.Now()); s.opening {
		t.Error("something is not known, and all were read")
	}
}
