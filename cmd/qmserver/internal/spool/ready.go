package spool

import (
	"cmp"
	"time"

	"qm/pkg/layout"
)

// A claimed job is ready once its move is on disk. Most start at once. Where
// short jobs end one after another, some more are claimed than there is room
// for: they share the syncs of that, and start, in this order, as slots get
// free. If that takes longer than expected they go back to their old places.

const (
	shortRun  = 50 * time.Millisecond // a job that is over sooner is a short one
	shortRuns = 4                     // so many in a row, and more of the kind are expected
	mostAhead = 16                    // slots of jobs that are claimed ahead
	fewAhead  = 4                     // jobs that are ready when more are claimed
	readyFor  = 50 * time.Millisecond // how long one waits for a slot
)

// passedBy counts the short jobs that end in a row.
func (s *Spool) passedBy(j *job) {
	if s.inARow++; j.ended.Sub(j.started) >= shortRun {
		s.inARow = 0
	}
}

// mayClaimAhead tells whether short jobs are expected, and few are ready.
func (s *Spool) mayClaimAhead() bool {
	return s.inARow >= shortRuns && !s.Elsewhere && !s.Blocking && len(s.jobs.by[ready]) <= fewAhead
}

// mayBeAhead tells whether a job may be claimed before there is room: what it needs
// beside slots is shared out to those that run.
func (s *Spool) mayBeAhead(j *job) bool {
	return j.NbGPU == 0 && j.Memory == 0 && j.NbProc <= s.Slots
}

// startReady starts those that are ready, as far as there is room, or sends them
// back: not during a round, after which those would start that were claimed behind
// them.
func (s *Spool) startReady(now time.Time) {
	if len(s.ready) == 0 || len(s.problems) > 0 {
		return
	}
	mayStart := !s.ending && s.full == ""
	for mayStart && len(s.ready) > 0 && s.fits(s.ready[0]) {
		j := s.ready[0]
		s.ready = s.ready[1:]
		j.share, j.note = s.allot(j)
		s.jobs.enter(j, running)
		j.started = now
		s.launch(j, now)
		s.readyBy = now.Add(readyFor)
	}
	if len(s.ready) > 0 && !s.commits.underWay() && (!mayStart || !now.Before(s.readyBy)) {
		s.sendBack(now)
	}
}

// fits tells whether the slots are free that a job needs.
func (s *Spool) fits(j *job) bool {
	need := j.NbProc
	if s.Elsewhere {
		need = 1
	}
	return need <= s.Slots-s.used()
}

// used is how many slots are busy.
func (s *Spool) used() int {
	n := 0
	for j := range s.jobs.by[running] {
		switch {
		case s.Elsewhere:
			n++
		case !j.far:
			n += j.NbProc
		}
	}
	return n
}

// sendBack unclaims the jobs that are ready.
func (s *Spool) sendBack(now time.Time) {
	back := s.ready
	s.ready, s.readyBy, s.inARow = nil, time.Time{}, 0
	for _, j := range back {
		j.move = move{from: layout.Running, to: layout.Queued, ahead: true, why: cmp.Or(s.full, "no processor is free as soon as expected")}
		s.settle(j, now)
	}
}
