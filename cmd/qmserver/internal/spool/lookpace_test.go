package spool

import (
	"fmt"
	"testing"
	"time"

	"qm/cmd/qmserver/internal/disk"
)

// TestNobodySpinsForAUser: while as many folders of a user's are read as may be at
// once, and that takes long, the server does not ask all the time whether it still
// does.
func TestNobodySpinsForAUser(t *testing.T) {
	now := time.Now()
	s := &Spool{jobs: newJobs(false), looksOf: map[int]int{7: maxLooksOfUser}, looking: maxLooksOfUser, nextPoll: now.Add(time.Minute)}
	s.Owners = true
	for i := range ahead + 1 {
		j := &job{name: fmt.Sprint(i), uid: 7}
		j.Identity = disk.Identity{Inode: uint64(i)}
		s.jobs.add(j)
	}
	s.startLooks(now)
	if next := s.next(); !next.After(now) {
		t.Errorf("something is due %s ago", now.Sub(next))
	}
}
