package spool

import (
	"slices"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/pkg/layout"
)

// moved is a job whose folder was renamed. What follows from that,
// a start or the news of an end, waits until the rename is on disk.
type moved struct {
	*job
	from, to layout.State
}

// shareFor is how long the moves of jobs that are over wait for the next claim,
// if there are jobs to claim, to share its syncs.
const shareFor = 2 * time.Millisecond

// commitInTime commits, now or as soon as something claims.
func (s *Spool) commitInTime(now time.Time) {
	if len(s.moves) == 0 || s.jobs.queue.Len() == 0 || slices.ContainsFunc(s.moves, notOver) {
		s.commit()
		return
	}
	if s.commitBy.IsZero() {
		s.commitBy = now.Add(shareFor)
	}
	if !now.Before(s.commitBy) {
		s.commit()
	}
}

func notOver(m moved) bool { return m.to != layout.Done && m.to != layout.Lost }

// commitReturns commits what goes back to the queue before something else is
// claimed: it has its place there first, and the two ways through the same two
// folders can't share their syncs; see onTheWay.
func (s *Spool) commitReturns() {
	if slices.ContainsFunc(s.moves, func(m moved) bool { return m.to == layout.Queued }) {
		s.commit()
	}
}

// commit makes the moves durable that were made since the last one, whose
// folders are synced once for all of them, and does what they were made for: it
// starts the claimed jobs, and tells of those that are where they belong.
func (s *Spool) commit() {
	s.commitBy = time.Time{}
	for len(s.moves) > 0 { // and once more: a job that can't be started moves back
		moves := s.moves
		s.moves = nil
		err := s.syncMoves(moves)
		if err != nil { // to ask again would not tell: see "errors" in fsync(2)
			s.log.Error("moves may not be on disk", "error", err)
		}
		now := time.Now() // a sync may take long
		for _, m := range moves {
			if m.to != layout.Running {
				s.settled(m.job)
				s.wakeAt(now) // for those who wait for it, or for its name
			}
		}
		for _, m := range moves {
			switch {
			case m.to != layout.Running:
			case err != nil:
				s.unclaim(m.job, now, err)
			default:
				s.ready = append(s.ready, m.job)
			}
		}
		s.readyBy = now.Add(readyFor)
		s.startReady(now)
	}
}

// onTheWay are the states in the order in which their folders are synced: the
// farther ones first, so that what goes on is on disk in its new place before
// it is gone from its old one.
var onTheWay = [...]layout.State{layout.Done, layout.Lost, layout.Running, layout.Queued}

func (s *Spool) syncMoves(moves []moved) error {
	var targets, sources []string
	for _, state := range onTheWay {
		switch {
		case slices.ContainsFunc(moves, func(m moved) bool { return m.to == state }):
			targets = append(targets, s.Tree.Folder(state))
		case slices.ContainsFunc(moves, func(m moved) bool { return m.from == state }):
			sources = append(sources, s.Tree.Folder(state))
		}
	}
	return disk.SyncMoves(targets, sources)
}
