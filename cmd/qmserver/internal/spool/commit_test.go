package spool

import (
	"log/slog"
	"testing"
	"time"

	"qm/pkg/layout"
)

// TestARoundBeginsWhenItBegins: that the step before it took long, such as by the
// listing of a long queue, does not make the disk a slow one.
func TestARoundBeginsWhenItBegins(t *testing.T) {
	s := &Spool{jobs: newJobs(false), commits: newCommits(), log: slog.New(slog.NewTextHandler(testLog{t}, nil))}
	s.Tree = layout.Tree(t.TempDir())
	s.commits.moves = []moved{{nil, layout.Running, layout.Queued}}
	s.commit(time.Now().Add(-2 * slowRound))
	s.commit(time.Now())
	if s.commits.slow {
		t.Error("the disk counts as slow at once")
	}
	if err := <-s.commits.done; err == nil {
		t.Error("folders are synced that are not there")
	}
}

// TestWhatIsOverWaitsForAClaim to share its syncs, a moment only, and longer where
// jobs are claimed ahead. A claim waits for nothing.
func TestWhatIsOverWaitsForAClaim(t *testing.T) {
	over, claimed := moved{nil, layout.Running, layout.Done}, moved{nil, layout.Queued, layout.Running}
	for _, test := range []struct {
		what         string
		moves        []moved
		queue, ready int
		inARow       int
		wait         time.Duration
	}{
		{"nothing waits", []moved{over}, 0, 0, shortRuns, 0},
		{"something waits", []moved{over}, 1, 0, shortRuns, shareFor},
		{"some are ready", []moved{over}, 1, 2, shortRuns, shareAhead},
		{"none is short", []moved{over}, 1, 2, 0, shareFor},
		{"a claim", []moved{over, claimed}, 1, 2, shortRuns, 0},
	} {
		s := &Spool{jobs: newJobs(false), commits: newCommits(), ready: make([]*job, test.ready), inARow: test.inARow, log: slog.New(slog.DiscardHandler)}
		s.Tree = layout.Tree(t.TempDir())
		for range test.queue {
			s.jobs.queue.Add(&job{})
		}
		s.commits.moves = test.moves
		now := time.Now()
		if test.wait > 0 {
			s.commit(now)
			s.commit(now.Add(test.wait - 1))
		}
		if s.commits.underWay() {
			t.Errorf("%s: it is too early", test.what)
		}
		s.commit(now.Add(test.wait))
		if !s.commits.underWay() {
			t.Fatalf("%s: it is late", test.what)
		}
		if err := <-s.commits.done; err == nil {
			t.Error("folders are synced that are not there")
		}
	}
}
