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
