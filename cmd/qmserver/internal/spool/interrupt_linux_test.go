package spool

import (
	"os"
	"path/filepath"
	"testing"

	"qm/pkg/layout"
)

// TestTheOperatorStopsALongJob: what was told to a supervisor long ago does not
// keep the wish to stop from it.
func TestTheOperatorStopsALongJob(t *testing.T) {
	s := newServer(t).start()
	// Longer than a supervisor may take to accept its task.
	s.put(layout.Queued, "a", "script = sleep 1.2; touch long; sleep 600")
	s.await("it runs for long", func() bool {
		_, err := os.Stat(filepath.Join(s.tree.Job(layout.Running, "a"), "long"))
		return err == nil
	})
	sp := <-s.spool
	sp.Interrupt(false)
	sp.Interrupt(true)
	s.await("it is done", func() bool { return s.where("a") == "done" })
	if err := <-s.ended; err != nil {
		t.Error(err)
	}
	if rec := s.record(layout.Done, "a"); *rec.Outcome != layout.Stopped {
		t.Errorf("it is %s", *rec.Outcome)
	}
}

// TestWhatADrainLeavesThatIsInterrupted: it tells of what it did not come to, so
// that nobody takes that for done.
func TestWhatADrainLeavesThatIsInterrupted(t *testing.T) {
	s := newServer(t)
	s.opt.Drain, s.opt.Slots = true, 1
	s.put(layout.Queued, "a", "script = touch begun; sleep 0.2")
	s.put(layout.Queued, "b", "script = true")
	result := make(chan Result, 1)
	go func() {
		r, err := s.run(t.Context())
		if err != nil {
			t.Error(err)
		}
		result <- r
	}()
	s.await("it runs", func() bool {
		_, err := os.Stat(filepath.Join(s.tree.Job(layout.Running, "a"), "begun"))
		return err == nil
	})
	(<-s.spool).Interrupt(false)
	r := <-result
	if len(r.Stays) != 1 || r.Stays[0] != "QM_qJobs/b: the server ends" {
		t.Errorf("it tells of %q", r.Stays)
	}
}
