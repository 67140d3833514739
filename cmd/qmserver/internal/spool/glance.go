package spool

import (
	"maps"
	"slices"
	"time"

	"qm/cmd/qmserver/internal/folder"
)

// An edit of a waiting job's info file, and HOLD, are seen at once in the folders
// that are watched; in all others by a glance at some of them at each poll.

const (
	// glanceRound is how long it takes until each of those was glanced at.
	glanceRound = 60 * time.Second
	// glanceFront is how many of the first, and of those set aside, are glanced
	// at in each poll.
	glanceFront = 200
)

// glances is whose turn it is to be glanced at.
type glances struct {
	rest  []string // the names of those of this round: jobs that are gone by then take no room
	part  int      // how many of them at each poll
	front []*job   // those not watched of the first of the queue and of those set aside
	turn  int      // the next of the front
}

// glance looks from outside at some of the waiting jobs.
func (s *Spool) glance(now time.Time) {
	g := &s.glances
	s.lookAtWatched(now)
	s.watchRest(now)
	if len(g.rest) == 0 && len(s.watched) < s.jobs.inQueue() {
		g.rest = slices.AppendSeq(g.rest, maps.Keys(s.jobs.names))
		polls := max(1, int(glanceRound/s.pollEvery()))
		g.part = (len(g.rest) + polls - 1) / polls
	}
	n := min(g.part, len(g.rest))
	for _, name := range g.rest[:n] {
		if j := s.jobs.names[name]; j != nil {
			s.glanceAt(j, now)
		}
	}
	if g.rest = g.rest[n:]; len(g.rest) == 0 {
		g.rest = nil
	}
	for range min(glanceFront, len(g.front)) {
		g.turn = (g.turn + 1) % len(g.front)
		s.glanceAt(g.front[g.turn], now)
	}
}

func (s *Spool) glanceAt(j *job, now time.Time) {
	if j.watch != 0 || j.phase != waiting && j.phase != aside || j.reading != nil || !s.jobs.knows(j) {
		return
	}
	if !s.isAsSeen(j) {
		s.touched(j, now)
	}
}

// isAsSeen tells whether a queued folder, seen from outside, is as it was when
// it was read. One that is gone is: the next listing tells.
func (s *Spool) isAsSeen(j *job) bool {
	files := s.JobFiles
	if s.Owners {
		files = nil // nothing in a user's folder is looked at by us
	}
	if s.list.dir == nil {
		return true
	}
	m, err := folder.MarkIn(s.list.dir, j.name, files)
	return err != nil || m.Top == j.mark.Top && (s.Owners || m.Info == j.mark.Info)
}

// touched has a job read anew in which something was changed.
func (s *Spool) touched(j *job, now time.Time) {
	if !j.phase.queued() {
		return
	}
	j.moved = false
	if j.reading != nil && j.next.After(now) {
		now = j.next // who writes all the time does not have it read all the time
	}
	s.observe(j, now)
}

func (s *Spool) jobsIn(p phase) []*job {
	var all []*job
	for j := range s.jobs.by[p] {
		all = append(all, j)
	}
	return all
}
