package spool

import (
	"cmp"
	"fmt"
	"slices"

	"qm/pkg/layout"
)

// drained tells whether nothing runs, arrives or can start any more, and notes
// what stays.
func (s *Spool) drained() bool {
	if !s.known && len(s.problems) == 0 && s.stuck == "" {
		return false // a folder in QM_Jobs is not judged yet
	}
	if len(s.ghosts) > 0 {
		return false
	}
	stays := slices.Clone(s.problems)
	for _, j := range s.jobs.all {
		if j.active() {
			return false
		}
		if j.phase != waiting {
			why := cmp.Or(j.trouble, j.reading.words)
			stays = append(stays, fmt.Sprintf("%s/%s: %s", j.folder().Folder(), j.shown(), why))
		}
	}
	for _, p := range s.plan {
		stays = append(stays, fmt.Sprintf("%s/%s: %s", layout.Queued.Folder(), p.shown(), p.Reason))
	}
	for p, text := range s.places {
		stays = append(stays, fmt.Sprintf("%s/%s: %s", p.state.Folder(), layout.Display(p.name), text))
	}
	slices.Sort(stays)
	s.result.Stays = stays
	return true
}

// active tells whether something of the job is still to be waited for.
func (j *job) active() bool {
	switch j.phase {
	case running:
		return true
	case arriving:
		return !j.reading.stuck || j.patient()
	case waiting:
		return j.patient()
	case over:
		return j.trouble == "" || j.patient()
	}
	return false
}

// folder is where the job lies.
func (j *job) folder() layout.State {
	switch j.phase {
	case running:
		return layout.Running
	case over:
		return j.move.from
	case arriving, waiting:
	}
	return layout.Queued
}

// runningJobs returns the jobs that run, in the order of their start.
func (s *Spool) runningJobs() []RunningJob {
	var all []RunningJob
	for _, j := range s.jobs.by[running] {
		all = append(all, RunningJob{s.Tree.Folder(layout.Running), j.name, j.started})
	}
	slices.SortFunc(all, func(a, b RunningJob) int {
		return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.Name, b.Name))
	})
	return all
}
