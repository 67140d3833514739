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
