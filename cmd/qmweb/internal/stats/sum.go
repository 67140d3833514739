package stats

import (
	"math"
	"slices"
	"time"

	"qm/cmd/qmweb/internal/snapshot"
	"qm/pkg/layout"
)

// sum is a Group in the making.
type sum struct {
	jobs     int
	outcomes [len(layout.Outcomes)]int
	unknown  int
	hours    float64
	waits    []float64 // seconds
	runs     []float64
	memory   []float64 // bytes
	cpu      float64   // seconds, of jobs whose run time is known too
	given    float64   // processor seconds of these jobs
	elapsed  float64   // seconds of these jobs
	bounded  float64   // how many jobs asked for memory and tell what they used
	asked    float64   // bytes that they asked for
	peaks    float64   // bytes that they used
}

func (s *sum) add(j *snapshot.Job) {
	s.jobs++
	if i := slices.Index(layout.Outcomes[:], j.Outcome); i >= 0 {
		s.outcomes[i]++
	} else {
		s.unknown++
	}
	if !j.Submitted.IsZero() && !j.Started.IsZero() {
		s.waits = append(s.waits, max(j.Started.Sub(j.Submitted), 0).Seconds())
	}
	if j.Took >= 0 {
		s.runs = append(s.runs, j.Took.Seconds())
	}
	if j.PeakMemory > 0 {
		s.memory = append(s.memory, float64(j.PeakMemory))
		if j.Memory > 0 {
			s.bounded++
			s.asked += float64(j.Memory)
			s.peaks += float64(j.PeakMemory)
		}
	}
	if j.CPUSeconds >= 0 && j.Took > 0 && j.NbProc > 0 {
		s.cpu += j.CPUSeconds
		s.elapsed += j.Took.Seconds()
		s.given += j.Took.Seconds() * float64(j.NbProc)
	}
}

func (s *sum) group() Group {
	g := Group{
		Jobs: s.jobs, Outcomes: s.outcomes, Unknown: s.unknown, ProcessorHours: s.hours, CPUHours: s.cpu / 3600,
		Wait: spreadOf(s.waits), Run: spreadOf(s.runs),
	}
	if s.elapsed > 0 {
		g.Asked, g.Used = s.given/s.elapsed, s.cpu/s.elapsed
	}
	if s.bounded > 0 {
		g.MemoryAsked, g.MemoryUsed = s.asked/s.bounded, s.peaks/s.bounded
	}
	if len(s.memory) > 0 {
		slices.Sort(s.memory)
		g.MedianMemory, g.PeakMemory = int64(rank(s.memory, 0.5)), int64(s.memory[len(s.memory)-1])
	}
	return g
}

// spreadOf sorts the values, which are seconds.
func spreadOf(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	slices.Sort(values)
	seconds := func(v float64) time.Duration { return time.Duration(v * float64(time.Second)) }
	return Spread{Count: len(values), Median: seconds(rank(values, 0.5)), P90: seconds(rank(values, 0.9))}
}

// rank returns the smallest of the sorted values that at least this part of
// them does not exceed.
func rank(sorted []float64, part float64) float64 {
	return sorted[max(int(math.Ceil(part*float64(len(sorted))))-1, 0)]
}
