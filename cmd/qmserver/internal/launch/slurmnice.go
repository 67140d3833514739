package launch

import (
	"context"

	"qm/cmd/qmserver/internal/slurm"
)

// The jobs that wait in Slurm go before each other by their priorities. One that
// comes later with a higher one lets the others stand back, until it has begun.

// waits tells whether Slurm has the run and nobody has begun it.
func (r *slurmRun) waits() bool {
	return r.left.Claim == nil && r.left.Status == nil && r.cause == nil
}

// top is the highest priority of the runs that wait in Slurm, or are about to, at
// least 0.
func (s *Slurm) top() int {
	top := 0
	for _, r := range s.runs {
		if r.waits() {
			top = max(top, r.job.More.Priority)
		}
	}
	return top
}

// renice tells Slurm where that has changed what it was told of others.
func (s *Slurm) renice(ctx context.Context) {
	if s.contact.lost() {
		return
	}
	top := s.top()
	changed := make(map[int][]string)
	for _, r := range s.runs {
		nice := slurm.Nice(r.job.More.Priority, top)
		if nice == r.nice || r.blind || !r.waits() {
			continue
		}
		for _, j := range r.jobs {
			if j.State == "PENDING" {
				changed[nice] = append(changed[nice], j.ID)
				r.nice = nice
			}
		}
	}
	for nice, ids := range changed {
		if err := s.client.Renice(ctx, ids, nice); err != nil {
			s.log.Warn("the order of jobs that wait in Slurm can't be changed", "slurm_jobs", ids, "error", err)
		}
	}
}
