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
	s.result.Stays = s.result.Stays[:0]
	if !s.known && len(s.problems) == 0 {
		return false // a folder in QM_Jobs is not judged yet
	}
	for _, j := range s.jobs {
		switch {
		case j.phase == running, j.patient(), j.phase == arriving && !j.reading.stuck, j.phase == over && j.trouble == "":
			return false
		case j.phase != waiting:
			why := cmp.Or(j.trouble, j.reading.words)
			s.result.Stays = append(s.result.Stays, fmt.Sprintf("%s: %s", j.shown(), why))
		}
	}
	for _, p := range s.plan {
		s.result.Stays = append(s.result.Stays, fmt.Sprintf("%s: %s", p.shown(), p.Reason))
	}
	for p, text := range s.places {
		if p.state == layout.Queued {
			s.result.Stays = append(s.result.Stays, fmt.Sprintf("%s: %s", layout.Display(p.name), text))
		}
	}
	slices.Sort(s.result.Stays)
	return true
}

// runningJobs returns the jobs that run, in the order of their start.
func (s *Spool) runningJobs() []RunningJob {
	var all []RunningJob
	for _, j := range s.jobs {
		if j.phase == running {
			all = append(all, RunningJob{s.Tree.Folder(layout.Running), j.name, j.started})
		}
	}
	slices.SortFunc(all, func(a, b RunningJob) int {
		return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.Name, b.Name))
	})
	return all
}
