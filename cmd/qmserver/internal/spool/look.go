package spool

import (
	"cmp"
	"runtime/debug"
	"time"

	"qm/cmd/qmserver/internal/folder"
	"qm/pkg/layout"
)

// Readings of folders are made beside the goroutine of Run, since a folder may
// hold 100,000 files, or lie on a disk that does not answer. A folder that is
// seen for the first time is read in full while the queue is short; in a long
// one only its info file is, for its place in the order, and all of it when its
// turn comes near.

const (
	// maxLooks is how many readings there are at once.
	maxLooks = 8
	// maxLooksOfUser is how many of them may be another user's, whose processes
	// may take as long as they like.
	maxLooksOfUser = 2
	// maxBatch is how many info files one reading reads.
	maxBatch = 64
	// ahead is how many jobs are known to be complete before they can start.
	ahead = 64
	// lookPatience is how long a reading may take before it is left alone.
	lookPatience = 30 * time.Second
	// firstPatience is how long those behind it wait for the reading of a job
	// whose turn it is.
	firstPatience = 2 * time.Second
)

// look is what one reading found, and when, by our own monotonic clock.
type look struct {
	folder.Look
	owner      string // of the folder, by name
	start, end time.Time
}

// tour is what one goroutine reads.
type tour struct {
	jobs  []*job
	user  int  // as whom
	all   bool // the whole folder of its only job, not only info files
	since time.Time
	late  bool // it takes too long, and is not waited for
	found []look
}

// observe has a job's folder read in full at that time, or sooner.
func (s *Spool) observe(j *job, at time.Time) {
	if j.reading == nil {
		j.reading = &reading{}
	}
	r := j.reading
	if r.underWay {
		r.again = true // it may have passed by what has changed
		return
	}
	if r.due.IsZero() || at.Before(r.due) {
		r.due = at
		s.due.add(at, j)
	}
}

// startLooks begins the readings that are due: those of single folders first,
// then those of info files in a long queue.
func (s *Spool) startLooks(now time.Time) {
	for s.looking < maxLooks {
		j := s.due.next(now)
		if j == nil {
			break
		}
		if user := s.userOf(j); s.looksOf[user] >= s.looksPerUser() {
			j.due = now.Add(recheck)
			s.due.add(j.due, j)
			continue
		}
		s.read(j, now)
	}
	for s.looking < maxLooks && len(s.jobs.listed) > 0 {
		if !s.startListed(now) {
			break
		}
	}
	s.opening = s.opening && (!s.arrivals.taken || s.jobs.unknown() > 0)
}

// startListed begins to read what was listed first, and tells whether it could.
// The info files of one user are read by one after the other, as long as that
// is quick: so they come in in the order of arrival.
func (s *Spool) startListed(now time.Time) bool {
	first := s.nextListed()
	if first == nil {
		return false
	}
	if s.jobs.inQueue() <= ahead {
		s.jobs.listed = s.jobs.listed[1:]
		s.observe(first, now)
		if j := s.due.next(now); j != nil {
			s.read(j, now)
		}
		return true
	}
	user := s.userOf(first)
	if s.peeking > 0 && now.Sub(s.peeked) < recheck {
		return false
	}
	if s.looksOf[user] >= s.looksPerUser() {
		s.peeked = now // to be asked again after that time, and not at once
		return false
	}
	t := &tour{user: user, since: now}
	for j := s.nextListed(); j != nil && s.userOf(j) == user && len(t.jobs) < maxBatch; j = s.nextListed() {
		t.jobs = append(t.jobs, j)
		s.jobs.listed = s.jobs.listed[1:]
	}
	s.peeking++
	s.peeked = now
	s.start(t)
	return true
}

// nextListed returns the first job that is still only listed.
func (s *Spool) nextListed() *job {
	for len(s.jobs.listed) > 0 {
		if j := s.jobs.listed[0]; j.phase == listed && s.jobs.knows(j) && (j.reading == nil || !j.underWay) {
			return j
		}
		s.jobs.listed = s.jobs.listed[1:]
	}
	s.jobs.listed = nil
	if s.crowd {
		s.crowd = false
		debug.FreeOSMemory() // to take in a long queue needs more than to have it
	}
	return nil
}

// userOf is as whom a job's folder is read.
func (s *Spool) userOf(j *job) int {
	if s.Owners {
		return int(j.uid)
	}
	return 0
}

func (s *Spool) looksPerUser() int {
	if s.Owners {
		return maxLooksOfUser
	}
	return maxLooks
}

func (s *Spool) read(j *job, now time.Time) {
	j.underWay, j.again = true, false
	j.due = time.Time{}
	s.start(&tour{jobs: []*job{j}, user: s.userOf(j), all: true, since: now})
}

func (s *Spool) start(t *tour) {
	refs := make([]folder.Ref, len(t.jobs))
	uids := make([]int, len(t.jobs))
	for i, j := range t.jobs {
		refs[i], uids[i] = s.ref(j, layout.Queued), int(j.uid)
	}
	s.tours[t] = struct{}{}
	s.looking++
	s.looksOf[t.user]++
	go func() {
		for i, r := range refs {
			l := look{start: time.Now()}
			l.Look = s.launcher.Look(r, uids[i], s.JobFiles, t.all)
			l.owner = cmp.Or(s.owners.name(uids[i]), l.Owner)
			l.end = time.Now()
			t.found = append(t.found, l)
		}
		select {
		case s.looks <- t:
		case <-s.quit:
		}
	}()
}

// lookedAt takes what a goroutine has read.
func (s *Spool) lookedAt(t *tour) {
	s.leave(t)
	delete(s.tours, t)
	for i, j := range t.jobs {
		if t.all {
			j.underWay = false
		}
		switch {
		case !s.jobs.knows(j) || !j.phase.queued(): // taken away in the meantime
		case t.all:
			s.looked(j, &t.found[i])
		case j.phase == listed:
			s.glimpsed(j, &t.found[i])
		}
	}
	s.dirty = true
}

// leave gives the place of a tour to others, once.
func (s *Spool) leave(t *tour) {
	if t.late {
		return
	}
	t.late = true
	s.looking--
	s.looksOf[t.user]--
	if !t.all {
		s.peeking--
	}
}

// leaveAlone gives the places of readings that take too long to others, and
// lets nobody wait any more for a job whose turn it is.
func (s *Spool) leaveAlone(now time.Time) {
	for j, till := range s.firsts {
		if j.First && now.Before(till) {
			continue
		}
		j.First, s.dirty = false, true
		delete(s.firsts, j)
	}
	for t := range s.tours {
		if t.late || now.Sub(t.since) <= s.patience {
			continue
		}
		s.leave(t)
		for _, j := range t.jobs {
			s.tooSlow(j, t.all, now)
		}
	}
}

// tooSlow takes a job aside whose reading does not come to its end.
func (s *Spool) tooSlow(j *job, all bool, now time.Time) {
	if !s.jobs.knows(j) || !j.phase.queued() || !all && j.phase != listed {
		return
	}
	if !all {
		s.observe(j, now) // it may be another's fault
	}
	j.words = "a reading of it takes long: its disk does not answer, perhaps"
	s.jobs.enter(j, arriving)
	s.dirty = true
}
