package spool

import (
	"errors"
	"time"

	"qm/cmd/qmserver/internal/events"
	"qm/pkg/layout"
)

// Where events work the folders of waiting jobs are watched, so that an idle
// server need not glance at them: the first of the queue and those set aside
// always, the rest of them in a queue that is not very long, if the kernel has
// watches to spare.

const (
	// maxWatched is how many may wait, with those set aside, for all to be
	// watched: half of the 8,192 watches that kernels before 5.11 have for all
	// programs of a user. Each takes some 1 kB of the kernel's memory.
	maxWatched = 4000
	// watchPart is how many of the rest begin to be watched at each poll: a
	// queue that grows and shrinks through maxWatched has no more work with it.
	watchPart = 1000
	// askAgain is how long the first ask for no watch after one was refused.
	askAgain = layout.BeatEvery
	// spareAgain is for how long the rest does without: the first, and other
	// programs, shall have what there is.
	spareAgain = 10 * time.Minute
)

// watches is what was asked of the kernel.
type watches struct {
	flushes uint32    // how often the first were told of
	again   time.Time // no watch is asked for before
	spare   time.Time // and none for the rest
	missed  bool      // events were lost: what happened in the watched folders is not known
}

// waits returns how many jobs there are that would be watched.
func (s *Spool) waits() int { return s.jobs.queue.Len() + len(s.jobs.by[aside]) }

// watchFront watches the folders of the first of the queue, and of those set
// aside, and has those glanced at that can't be. In a long queue it watches no
// others.
func (s *Spool) watchFront(first []*job, now time.Time) {
	front := append(first, s.jobsIn(aside)...)
	if s.events == nil {
		s.glances.front = front
		return
	}
	s.watches.flushes++
	for _, j := range front {
		j.flush = s.watches.flushes
	}
	if s.waits() > maxWatched {
		s.unwatchRest()
	}
	s.glances.front = nil
	for _, j := range front {
		if j.watch == 0 && !s.watch(j, now) {
			s.glances.front = append(s.glances.front, j)
		}
	}
}

// watchRest begins to watch some of those behind the first.
func (s *Spool) watchRest(now time.Time) {
	n := s.waits()
	if s.events == nil || n > maxWatched || len(s.watched) >= n {
		return
	}
	left := watchPart
	for _, j := range s.jobs.names {
		if j.watch != 0 || j.phase != waiting {
			continue
		}
		if left == 0 || now.Before(s.watches.spare) {
			return
		}
		s.watch(j, now)
		left--
	}
}

// watch begins to watch a job's folder. What happened before shows in a glance.
func (s *Spool) watch(j *job, now time.Time) bool {
	if now.Before(s.watches.again) {
		return false
	}
	id, err := s.events.Watch(s.Tree.Job(layout.Queued, j.name), true)
	if errors.Is(err, events.ErrNoMore) {
		s.watches.spare = now.Add(spareAgain)
		if !s.unwatchRest() {
			s.watches.again = now.Add(askAgain)
			return false
		}
		return j.flush == s.watches.flushes && s.watch(j, now)
	}
	if err != nil {
		return false // it may be gone, or private
	}
	j.watch = int32(id)
	s.watched[j.watch] = j
	if j.reading == nil && !s.isAsSeen(j) {
		s.touched(j, now)
	}
	return true
}

func (s *Spool) unwatch(j *job) {
	if j.watch != 0 {
		s.events.Forget(int(j.watch))
		delete(s.watched, j.watch)
		j.watch = 0
	}
}

// unwatchRest gives up the watches of all but the first and those set aside, as
// they were last told of. It tells whether there were any.
func (s *Spool) unwatchRest() (any bool) {
	for _, j := range s.watched {
		if j.flush != s.watches.flushes {
			s.unwatch(j)
			any = true
		}
	}
	return any
}

// closeEvents does without events from now on.
func (s *Spool) closeEvents() {
	for _, j := range s.watched {
		s.unwatch(j)
	}
	_ = s.events.Close()
	s.events = nil
}

// lookAtWatched looks, after events were lost, at all that are watched.
func (s *Spool) lookAtWatched(now time.Time) {
	if !s.watches.missed {
		return
	}
	s.watches.missed = false
	for _, j := range s.watched {
		if j.reading != nil || !s.isAsSeen(j) {
			s.touched(j, now)
		}
	}
}
