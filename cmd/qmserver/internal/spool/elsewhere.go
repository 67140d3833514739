package spool

import (
	"cmp"
	"slices"
	"time"

	"qm/cmd/qmserver/internal/launch"
	"qm/pkg/jobinfo"
	"qm/pkg/layout"
)

// With Elsewhere the jobs run on other machines. Whoever runs them looks after
// what they need and says how they are; the queue, its order, and what becomes
// of a folder are ours all the same. A run there begins some time after its job
// was claimed, or never.

// What is said of a job until something is heard of it.
const (
	givenWords   = "about to be given to Slurm"
	adoptedWords = "with Slurm, which is asked how it is"
)

// heard takes what the launcher says of a run that goes on, or of itself, and
// tells whether that was all.
func (s *Spool) heard(e launch.Event) bool {
	switch {
	case e.Contact != nil:
		s.dirty = s.dirty || s.contact != *e.Contact
		s.contact = *e.Contact
	case e.State != nil:
		if j := s.jobs.all[e.Identity]; j != nil && j.phase == running && j.state != *e.State {
			j.state, s.dirty = *e.State, true
			if !j.state.Began.IsZero() {
				j.started = j.state.Began
			}
		}
	default:
		return false
	}
	return true
}

// ran takes from the event of its end when a run there began, if it has, and
// ended.
func (j *job) ran(ran launch.Span) {
	if !j.far {
		return
	}
	if j.started = ran.From; j.started.IsZero() {
		j.started = j.state.Began
	}
	j.ended = ran.To
}

// took is how long a job ran, as far as that is known.
func (j *job) took() time.Duration {
	if j.started.IsZero() {
		return 0
	}
	return max(j.ended.Sub(j.started), 0).Round(time.Millisecond)
}

// processors is how many a job gets of those that it asks for.
func (s *Spool) processors(info jobinfo.Info) int {
	if s.Elsewhere {
		return info.NbProc
	}
	return min(info.NbProc, s.Slots)
}

// away returns how the running jobs are there, in the order in which they were
// claimed or began.
func (s *Spool) away() []layout.RunningJob {
	var jobs []*job
	for j := range s.jobs.by[running] {
		if j.far {
			jobs = append(jobs, j)
		}
	}
	slices.SortFunc(jobs, func(a, b *job) int { return cmp.Or(a.started.Compare(b.started), byArrival(a, b)) })
	var all []layout.RunningJob
	for _, j := range jobs[:min(len(jobs), layout.MaxQueueJobs)] {
		all = append(all, layout.RunningJob{ID: layout.ID(j.name), Words: short(cmp.Or(j.state.Words, givenWords)), Arrived: j.arrived(), Started: j.state.Began})
	}
	return all
}

// problemsNow are those of the heartbeat.
func (s *Spool) problemsNow() []string {
	all := append([]string{}, s.problems...)
	if !s.contact.Since.IsZero() {
		all = append(all, s.contact.Reason)
	}
	if s.commits.slow {
		all = append(all, slowWords) // also where nobody waits: what has ended is not moved
	}
	return all
}
