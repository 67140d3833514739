package spool

import (
	"log/slog"
	"os"
	"testing"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/pkg/layout"
)

// TestNothingIsDueWhileTheTreeIsAway: what was claimed ahead can go neither on
// nor back then, so that nobody is to be woken for it.
func TestNothingIsDueWhileTheTreeIsAway(t *testing.T) {
	now := time.Now()
	s := &Spool{jobs: newJobs(false), ready: []*job{{}}, readyBy: now, problems: []string{"the tree is gone"}, nextPoll: now.Add(time.Minute)}
	if next := s.next(); next.Before(s.nextPoll) {
		t.Errorf("next is %s before the next look at the tree", s.nextPoll.Sub(next))
	}
	if s.problems = nil; !s.next().Equal(s.readyBy) {
		t.Error("it does not go back in time")
	}
}

// TestAReadingUnderWayProves a job whose turn it is: it is not read once more,
// after which it would count as changed.
func TestAReadingUnderWayProves(t *testing.T) {
	s := &Spool{jobs: newJobs(false), firsts: make(map[*job]time.Time)}
	j := &job{name: "a", phase: waiting, proven: 1, reading: &reading{underWay: true}}
	s.jobs.add(j)
	s.claim(j, time.Now())
	if j.again || !j.First {
		t.Errorf("again %t, first %t", j.again, j.First)
	}
}

// TestNothingStartsOnAFullDisk of what was claimed ahead: it goes back to the queue.
func TestNothingStartsOnAFullDisk(t *testing.T) {
	tree := layout.Tree(t.TempDir())
	for _, dir := range []string{tree.Job(layout.Running, "a"), tree.Folder(layout.Queued)} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s := &Spool{jobs: newJobs(false), commits: newCommits(), full: "the disk is nearly full", log: slog.New(slog.DiscardHandler)}
	s.Tree, s.Slots = tree, 2
	at, err := disk.Lstat(tree.Job(layout.Running, "a"))
	if err != nil {
		t.Fatal(err)
	}
	j := &job{Identity: at.Identity, name: "a", phase: ready}
	j.NbProc = 1
	j.know()
	j.begin()
	s.jobs.add(j)
	s.ready = []*job{j}
	s.startReady(time.Now())
	if len(s.ready) > 0 || j.phase == running {
		t.Error("it does not go back")
	}
	if _, err := os.Stat(tree.Job(layout.Queued, "a")); err != nil {
		t.Error(err)
	}
}
