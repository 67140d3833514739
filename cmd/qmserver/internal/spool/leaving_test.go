package spool

import (
	"os"
	"strings"
	"testing"

	"qm/pkg/layout"
)

// TestAnInodeThatIsUsedAgain: a folder that is removed and copied in again may
// have the inode number of the first. Without events that is all a listing
// tells of it; it is run all the same.
func TestAnInodeThatIsUsedAgain(t *testing.T) {
	s := newServer(t)
	s.opt.Events = false
	s.start()
	s.await("the tree", s.written)
	s.pause()
	again := false
	for try := 0; !again && try < 50; try++ {
		first := s.put(layout.Queued, "a", "script = false")
		s.await("it waits", func() bool { return strings.Contains(s.reason("a"), "paused") })
		if err := os.RemoveAll(s.tree.Job(layout.Queued, "a")); err != nil {
			t.Fatal(err)
		}
		again = s.put(layout.Queued, "a", "script = true").Inode == first.Inode
	}
	if !again {
		t.Skip("this file system does not use inode numbers again so soon")
	}
	s.resume()
	s.await("it is done", func() bool { return s.where("a") == "done" })
	s.end()
}

func (s *server) written() bool {
	_, err := os.Stat(s.tree.Path(layout.HeartbeatFile))
	return err == nil
}

func (s *server) pause() {
	s.t.Helper()
	if err := os.WriteFile(s.tree.Job(layout.Queued, "PAUSE"), nil, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) resume() {
	s.t.Helper()
	if err := os.Remove(s.tree.Job(layout.Queued, "PAUSE")); err != nil {
		s.t.Fatal(err)
	}
}

// reason tells why the job waits, "" if it is not in the list.
func (s *server) reason(name string) string {
	s.t.Helper()
	for _, j := range s.queue().Jobs {
		if j.ID == layout.ID(name) {
			return j.Reason
		}
	}
	return ""
}
