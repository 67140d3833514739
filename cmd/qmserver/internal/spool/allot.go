package spool

import (
	"slices"

	"qm/cmd/qmserver/internal/topology"
)

// share is what a running job has of the machine, beside its slots.
type share struct {
	cpus   []int    // that it is pinned to; none: it has none of its own
	common []int    // that it may use then with others
	gpus   []string // that it sees
	memory int64    // bytes that are kept for it
}

// allot chooses the processors and GPUs of a job that is about to run: such as no
// running job has, those of earlier servers too. Where there are not so many
// processors as the schedule gives out, it is not pinned, and the second value
// says so.
func (s *Spool) allot(j *job) (share, string) {
	given := share{memory: j.Memory}
	busy, taken := make(map[int]bool), make(map[string]bool)
	for other := range s.jobs.by[running] {
		for _, id := range other.cpus {
			busy[id] = true
		}
		for _, id := range other.gpus {
			taken[id] = true
		}
	}
	for _, id := range s.GPUs {
		if len(given.gpus) < j.NbGPU && !taken[id] {
			given.gpus = append(given.gpus, id)
		}
	}
	if !s.Affinity {
		return given, ""
	}
	usable := s.machineCPUs()
	given.cpus = topology.Choose(usable, busy, j.NbProc)
	if given.cpus == nil {
		for _, cpu := range usable {
			given.common = append(given.common, cpu.ID)
		}
		return given, "it is not pinned to processors of its own: there are not so many left for this server"
	}
	return given, ""
}

// machineCPUs are those that the server may use now.
func (s *Spool) machineCPUs() []topology.CPU {
	if s.CPUs == nil {
		return nil
	}
	return s.CPUs()
}

// gpusUsed is how many of the configured GPUs the running jobs have.
func (s *Spool) gpusUsed() int {
	n := 0
	for j := range s.jobs.by[running] {
		for _, id := range j.gpus {
			if slices.Contains(s.GPUs, id) {
				n++
			}
		}
	}
	return n
}
