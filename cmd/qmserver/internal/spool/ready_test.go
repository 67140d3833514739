package spool

import (
	"testing"
	"time"
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
