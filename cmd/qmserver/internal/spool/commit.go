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

// commits makes moves durable, one round after another, beside all else: what is
// to be moved during a round is moved after it, and shares the next one.
type commits struct {
	moves    []moved    // made since the last round
	by       time.Time  // when they are to be made durable at the latest; zero: at once
	under    []moved    // those of the round that is under way; none: there is none
	since    time.Time  // when that began
	slow     bool       // it takes long, and that was told
	done     chan error // how it ended
	deferred []*job     // what is over and to be moved after it
}

func newCommits() commits { return commits{done: make(chan error, 1)} }

const (
	// shareFor is how long the moves of jobs that are over wait for the next
	// claim, if there are jobs to claim, to share its syncs.
	shareFor = 2 * time.Millisecond
	// shareAhead is the same where jobs are claimed ahead: the next claim follows as
	// soon as most of those have started.
	shareAhead = 40 * time.Millisecond
	// slowRound is how long a round takes at which it is told that the disk does
	// not answer.
	slowRound = 2 * time.Second
	slowWords = "the disk is slow: it has not kept yet what was moved last"
)

// underWay tells whether nothing may be moved: each folder is synced once in a
// round, and what came to one of them after that must not be gone from another
// by the sync of that.
func (c *commits) underWay() bool { return len(c.under) > 0 }

// returns tells whether something goes back to the queue. It has its place there
// before something else is claimed: the two ways through the same two folders
// can't share their syncs; see onTheWay.
func (c *commits) returns() bool {
	return slices.ContainsFunc(c.moves, func(m moved) bool { return m.to == layout.Queued })
}

// next is when something is due without a message; zero: nothing is.
func (c *commits) next() time.Time {
	switch {
	case c.slow:
		return time.Time{}
	case c.underWay():
		return c.since.Add(slowRound)
	}
	return c.by
}

// mayClaim tells whether something may be moved out of the queue now.
func (s *Spool) mayClaim() bool { return !s.commits.underWay() && !s.commits.returns() }

// commit begins a round, unless one is under way or a claim may follow soon to
// share it.
func (s *Spool) commit(now time.Time) {
	c := &s.commits
	if c.underWay() && !c.slow && now.Sub(c.since) >= slowRound {
		c.slow, s.dirty = true, true
		s.log.Warn("disk is slow; nothing is moved or started until it has kept what was moved last")
	}
	if c.underWay() || len(c.moves) == 0 {
		return
	}
	if s.jobs.queue.Len() > 0 && !slices.ContainsFunc(c.moves, notOver) {
		if c.by.IsZero() {
			c.by = now.Add(shareFor)
			if len(s.ready) > 0 && s.inARow >= shortRuns {
				c.by = now.Add(shareAhead)
			}
		}
		if now.Before(c.by) {
			return
		}
	}
	c.under, c.moves = c.moves, nil
	c.by, c.since = time.Time{}, time.Now() // now may be long ago: the tree was listed since, perhaps
	go func(tree layout.Tree, moves []moved) { c.done <- syncMoves(tree, moves) }(s.Tree, c.under)
}

func notOver(m moved) bool { return m.to != layout.Done && m.to != layout.Lost }

// committed does what the moves of a round were made for: the claimed jobs are
// ready, and of those that are where they belong it is told. Then what had to
// wait for the round is moved.
func (s *Spool) committed(err error) {
	c := &s.commits
	moves, deferred := c.under, c.deferred
	if c.slow {
		s.log.Info("disk goes on")
	}
	c.under, c.deferred, c.slow = nil, nil, false
	if err != nil { // to ask again would not tell: see "errors" in fsync(2)
		s.log.Error("moves may not be on disk", "error", err)
	}
	now := time.Now()
	for _, m := range moves {
		switch {
		case m.to != layout.Running:
			s.settled(m.job)
		case err != nil:
			s.unclaim(m.job, now, err)
		default:
			s.ready = append(s.ready, m.job)
			s.readyBy = now.Add(readyFor)
		}
	}
	for _, j := range deferred {
		s.settle(j, now)
	}
	s.dirty = true
}

// commitAll makes all moves durable before it returns. None of the claimed jobs
// is started.
func (s *Spool) commitAll() {
	for c := &s.commits; c.underWay() || len(c.moves) > 0; {
		if !c.underWay() {
			c.under, c.moves = c.moves, nil
			c.done <- syncMoves(s.Tree, c.under)
		}
		s.committed(<-c.done)
		s.sendBack(time.Now())
	}
}

// onTheWay are the states in the order in which their folders are synced: the
// farther ones first, so that what goes on is on disk in its new place before
// it is gone from its old one.
var onTheWay = [...]layout.State{layout.Done, layout.Lost, layout.Running, layout.Queued}

func syncMoves(tree layout.Tree, moves []moved) error {
	var targets, sources []string
	for _, state := range onTheWay {
		switch {
		case slices.ContainsFunc(moves, func(m moved) bool { return m.to == state }):
			targets = append(targets, tree.Folder(state))
		case slices.ContainsFunc(moves, func(m moved) bool { return m.from == state }):
			sources = append(sources, tree.Folder(state))
		}
	}
	return disk.SyncMoves(targets, sources)
}
