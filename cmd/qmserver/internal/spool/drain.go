package spool

import (
	"cmp"
	"fmt"
	"slices"

	"qm/pkg/layout"
)

// drained tells whether nothing runs, arrives or can start any more.
func (s *Spool) drained() bool {
	if !s.known && len(s.problems) == 0 && s.stuck == "" {
		return false // a folder in QM_Jobs is not judged yet
	}
	if len(s.ghosts) > 0 {
		return false
	}
	for _, j := range s.jobs.all {
		if j.active() || len(s.follows.stirred) > 0 || s.follows.scan {
			return false
		}
	}
	return true
}

// stays tells of what a drain leaves, and why.
func (s *Spool) stays() []string {
	stays := slices.Clone(s.problems)
	for _, j := range s.jobs.all {
		if j.phase != waiting {
			stays = append(stays, fmt.Sprintf("%s/%s: %s", j.folder().Folder(), j.shown(), j.why()))
		}
	}
	for _, d := range s.jobs.queue.Plan(s.machine(), s.jobs.queue.Len()) {
		stays = append(stays, fmt.Sprintf("%s/%s: %s", layout.Queued.Folder(), d.Job.shown(), d.Reason))
	}
	for p, text := range s.places {
		stays = append(stays, fmt.Sprintf("%s/%s: %s", p.state.Folder(), layout.Display(p.name), text))
	}
	slices.Sort(stays)
	return stays
}

// active tells whether something of the job is still to be waited for.
func (j *job) active() bool {
	switch j.phase {
	case ready, running, closing, listed:
		return true
	case arriving:
		return !j.stuck || j.patient()
	case waiting:
		return j.First || j.patient()
	case aside:
		return j.reading != nil
	case over:
		return j.trouble == "" || j.patient()
	}
	return false
}

// why tells what a job waits for that is not in the queue.
func (j *job) why() string {
	words := ""
	if j.reading != nil {
		words = j.words
	}
	return cmp.Or(j.troubled(), words, j.Wait, "arriving")
}

// folder is where the job lies.
func (j *job) folder() layout.State {
	switch j.phase {
	case ready, running, closing:
		return layout.Running
	case over:
		return j.move.from
	case listed, arriving, waiting, aside:
	}
	return layout.Queued
}

// runningJobs returns the jobs that run, in the order of their start.
func (s *Spool) runningJobs() []RunningJob {
	var all []RunningJob
	for j := range s.jobs.by[running] {
		all = append(all, RunningJob{s.Tree.Folder(layout.Running), j.name, j.started, j.state.Words})
	}
	slices.SortFunc(all, func(a, b RunningJob) int {
		return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.Name, b.Name))
	})
	return all
}
