package spool

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"qm/pkg/layout"
)

// TestTheQueueIsWrittenAgain: what could not be written is, with the next
// heartbeat, also if nothing happens any more.
func TestTheQueueIsWrittenAgain(t *testing.T) {
	s := newServer(t).start()
	s.await("the tree", s.written)
	s.pause()
	inTheWay := s.tree.Path(layout.QueueFile) + ".tmp"
	s.await("a folder lies where it is written", func() bool { return os.MkdirAll(filepath.Join(inTheWay, "x"), 0o755) == nil })
	s.put(layout.Queued, "a", "script = true")
	s.listedAfter(time.Second)
	if s.reason("a") != "" {
		t.Fatal("it was written all the same")
	}
	if err := os.RemoveAll(inTheWay); err != nil {
		t.Fatal(err)
	}
	s.await("the job in queue.json", func() bool { return s.reason("a") != "" })
	s.end()
}
