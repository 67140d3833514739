package spool

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

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

// TestTakenOutWhileNoServerRan: a folder that comes back later is a new arrival.
func TestTakenOutWhileNoServerRan(t *testing.T) {
	s := newServer(t)
	s.opt.Slots = 1
	s.start()
	s.await("the tree", s.written)
	s.pause()
	for _, name := range []string{"a", "b"} {
		s.put(layout.Queued, name, `script = echo "$QM_JOB" >>../../order`)
		s.await("it waits", func() bool { return strings.Contains(s.reason(name), "paused") })
	}
	s.end()
	s.drag(layout.Queued, layout.Done, "a")
	s.start()
	s.await("the other waits alone", func() bool { return len(s.queue().Jobs) == 1 })
	s.drag(layout.Done, layout.Queued, "a")
	s.await("it waits again", func() bool { return strings.Contains(s.reason("a"), "paused") })
	s.end() // what is written of it counts, too
	s.start()
	s.resume()
	s.await("both are done", func() bool { return s.where("a") == "done" && s.where("b") == "done" })
	s.end()
	if got := s.tell("order"); got != "b\na\n" {
		t.Errorf("they started as %q", got)
	}
}

// TestAClockThatIsSetBack does not let what comes now overtake what has come.
func TestAClockThatIsSetBack(t *testing.T) {
	s := newServer(t)
	s.opt.Slots = 1
	first := s.put(layout.Queued, "first", `script = echo "$QM_JOB" >>../../order`)
	if err := os.Mkdir(s.tree.Path(layout.Own), 0o755); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Hour).UnixNano() // as the server saw it by the clock of then
	line := fmt.Sprintf("%d %d %d %d\n", first.Inode, first.Birth, later, later)
	if err := os.WriteFile(s.tree.Path(layout.ArrivalsFile), []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	s.pause()
	s.start()
	s.await("it waits", func() bool { return strings.Contains(s.reason("first"), "paused") })
	s.put(layout.Queued, "second", `script = echo "$QM_JOB" >>../../order`)
	s.await("the second waits", func() bool { return strings.Contains(s.reason("second"), "paused") })
	s.resume()
	s.await("both are done", func() bool { return s.where("first") == "done" && s.where("second") == "done" })
	s.end()
	if got := s.tell("order"); got != "first\nsecond\n" {
		t.Errorf("they started as %q", got)
	}
}

// TestNotWhole: a folder that lay in the queue while it was being copied is not
// taken for one that was moved in, whatever way it goes: renamed from a name
// that is no candidate's, or out and in again.
func TestNotWhole(t *testing.T) {
	for _, events := range []bool{true, false} {
		for _, way := range []string{"renamed", "out and in"} {
			s := newServer(t)
			s.opt.Events, s.opt.Settle = events, 3*time.Second
			s.start()
			s.await("the tree", s.written)
			name := map[string]string{"renamed": "a.part", "out and in": "a"}[way]
			s.put(layout.Queued, name, "script = test -e data")
			s.await("it is seen", func() bool { return s.queue().Arriving+len(s.queue().Notes) > 0 })
			if way == "renamed" {
				s.await("it is older than a listing", func() bool { return s.listedAfter(2 * time.Second) })
				s.rename("a.part", "a")
			} else {
				s.drag(layout.Queued, layout.Done, "a")
				s.await("it is gone", func() bool { return s.queue().Arriving == 0 })
				s.drag(layout.Done, layout.Queued, "a")
			}
			s.await("it arrives", func() bool { return s.where("a") != "queued" || strings.Contains(s.reason("a"), "unchanged for") })
			if got := s.where("a"); got != "queued" {
				t.Errorf("events %v, %s: it is %s before it is complete", events, way, got)
			}
			s.end()
		}
	}
}

// listedAfter waits so long, and until the server has beaten after that.
func (s *server) listedAfter(d time.Duration) bool {
	made := time.Now().Add(d)
	s.await("time goes by", func() bool {
		f, err := os.Stat(s.tree.Path(layout.HeartbeatFile))
		return err == nil && f.ModTime().After(made)
	})
	return true
}

func (s *server) rename(from, to string) {
	s.t.Helper()
	if err := os.Rename(s.tree.Job(layout.Queued, from), s.tree.Job(layout.Queued, to)); err != nil {
		s.t.Fatal(err)
	}
}

// TestAQueueWhoseTimeIsSet: cp -a and rsync -a give the queue folder itself an
// old time; what they bring is seen all the same.
func TestAQueueWhoseTimeIsSet(t *testing.T) {
	s := newServer(t)
	s.opt.Events = false
	s.put(layout.Done, "a", "script = true")
	s.put(layout.Queued, "b", "script = true")
	old := time.Now().Add(-time.Hour)
	set := func() {
		if err := os.Chtimes(s.tree.Folder(layout.Queued), old, old); err != nil {
			t.Fatal(err)
		}
	}
	s.pause()
	set()
	s.start()
	s.await("it was listed", func() bool { return s.reason("b") != "" })
	s.await("and again", func() bool { return s.listedAfter(racy + time.Second) })
	s.drag(layout.Done, layout.Queued, "a")
	set()
	s.await("it is seen", func() bool { return s.reason("a") != "" })
	s.end()
}

// TestHeldWhileItCouldNotBeMoved: the page goes on to say that it is held.
func TestHeldWhileItCouldNotBeMoved(t *testing.T) {
	js := newJobs(false)
	j := &job{name: "a", phase: waiting}
	js.add(j)
	js.postpone(j, time.Now(), "can't be moved")
	js.change(j, aside, func() { j.Wait = heldWords })
	js.untroubled(j)
	if j.Wait != heldWords {
		t.Errorf("it waits for %q", j.Wait)
	}
	js.change(j, waiting, func() { j.Wait = "" })
	js.postpone(j, time.Now(), "can't be moved")
	if js.untroubled(j); j.Wait != "" {
		t.Errorf("it waits for %q", j.Wait)
	}
}
