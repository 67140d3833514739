package spool

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/events"
	"qm/pkg/layout"
)

// poll looks at the tree: whether it is still there and ours, what has come
// into the queue and left it, and what lies in QM_Jobs that is not known.
// Events make it faster, and are not relied upon.
func (s *Spool) poll(now time.Time) error {
	before := s.problems
	s.problems, s.known = nil, false
	defer func() {
		if !slices.Equal(before, s.problems) {
			s.dirty = true
			s.tellProblems()
		}
	}()
	if !s.treeIsThere() {
		s.problems = append(s.problems, fmt.Sprintf("%s is gone: nothing starts until it is back", s.Tree))
		return nil
	}
	if err := s.lock.check(); err != nil {
		return err
	}
	if err := s.makeFolders(); err != nil {
		s.problems = append(s.problems, err.Error())
		return nil
	}
	s.weighDisk(now)
	s.listQueue(now)
	s.listRunning(now)
	if s.known {
		s.sortPost()
	}
	s.arrivals.settle(s.jobs.all)
	s.glance(now)
	s.lookBack()
	return nil
}

// treeIsThere tells whether QM_FOLDER is the folder that it was at the start,
// and not gone, or the place where a file system was mounted.
func (s *Spool) treeIsThere() bool {
	at, err := disk.Lstat(s.lock.dir)
	return err == nil && at.Identity == s.rootID
}

func (s *Spool) tellProblems() {
	if len(s.problems) == 0 {
		s.log.Info("queue goes on")
		return
	}
	s.log.Error("nothing starts", "reason", strings.Join(s.problems, "; "))
}

// pollEvery is how often the tree is looked at: where events tell, that is only
// the net below them.
func (s *Spool) pollEvery() time.Duration {
	if s.events != nil {
		return max(s.Poll, layout.BeatEvery)
	}
	return s.Poll
}

// proveWithin is how long an event may take that shows that there are events.
const proveWithin = time.Second

// openEvents returns a watcher if events work here: if the file system is one
// of this machine, and a change of our own is told.
func (s *Spool) openEvents() *events.Watcher {
	if !s.Events || s.list.remote {
		return nil
	}
	w := events.Open()
	own, err := w.Watch(s.Tree.Path(layout.Own), true)
	if err == nil {
		_, err = s.clock.Now()
	}
	deadline := time.After(proveWithin)
	for err == nil {
		select {
		case all := <-w.C():
			if slices.ContainsFunc(all, func(e events.Event) bool { return e.Watch == own }) {
				w.Forget(own)
				return w
			}
		case <-deadline:
			err = fmt.Errorf("no event in %s", proveWithin)
		}
	}
	s.log.Warn("events do not work here; the folders are looked at instead", "error", err, "every", s.Poll)
	_ = w.Close()
	return nil
}

func (s *Spool) watchQueue(path string) {
	if s.events == nil {
		return
	}
	id, err := s.events.Watch(path, false)
	if err != nil {
		s.log.Warn("events do not work here; the folders are looked at instead", "error", err, "every", s.Poll)
		s.closeEvents()
	}
	s.queueWatch = id
}

// fileTime is the time by the clock of the tree's file system, in ns, or 0 if
// it can't be read.
func (s *Spool) fileTime(now time.Time) int64 {
	const keep = 5 * time.Second // our clock and that one do not drift apart so quickly
	if s.timeAt.IsZero() || now.Sub(s.timeAt) > keep {
		at, err := s.clock.Now()
		if err != nil {
			return 0
		}
		s.time, s.timeAt = at, time.Now()
	}
	return s.time + int64(now.Sub(s.timeAt))
}

// weighDisk tells whether there is less room than the configuration asks for.
func (s *Spool) weighDisk(now time.Time) {
	if s.MinFree == 0 || now.Sub(s.weighed) < firstPause {
		return
	}
	s.weighed = now
	room, err := disk.SpaceAt(string(s.Tree))
	if err != nil {
		return // told of where it hurts
	}
	full := ""
	if room.Free < s.MinFree {
		full = fullWords(room.Free, s.MinFree)
	}
	if (full == "") != (s.full == "") {
		s.tellFull(full)
	}
	s.dirty = s.dirty || full != s.full
	s.full = full
}
