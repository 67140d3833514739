package supervise

import (
	"time"

	"qm/cmd/qmserver/internal/proc"
)

const (
	// patience and haste are how many times longer than it took an exact measure
	// stays away: below the limit, and above it, if what is shared counts for each.
	patience = 50
	haste    = 4
)

// gauge measures the memory of a job's processes beside all else: a process
// that waits for a dead disk may hold up who looks at its pages.
type gauge struct {
	used chan int64 // bytes, as they were measured
	done chan struct{}
}

// startGauge measures every memoryEvery, until close. The limit is in bytes.
func startGauge(limit int64) *gauge {
	g := &gauge{used: make(chan int64), done: make(chan struct{})}
	go g.run(&scale{limit: limit})
	return g
}

func (g *gauge) run(s *scale) {
	t := time.NewTicker(memoryEvery)
	defer t.Stop()
	for {
		select {
		case <-g.done:
			return
		case <-t.C:
		}
		used, ok := s.weigh()
		if !ok {
			continue
		}
		select {
		case <-g.done:
			return
		case g.used <- used:
		}
	}
}

func (g *gauge) close() { close(g.done) }

// scale tells a job's memory as exactly as it can without a fifth of a
// processor's time, which the exact measure of a very large job would take.
type scale struct {
	meter proc.Meter
	limit int64
	at    time.Time     // of the last exact measure
	took  time.Duration // for it
}

// weigh measures, if there is something new to tell. Nothing is above the limit
// that the rough measure does not tell so.
func (s *scale) weigh() (used int64, ok bool) {
	rough, ok := s.meter.Rough()
	pause := patience * s.took
	if rough > s.limit {
		pause = haste * s.took
	}
	begin := time.Now()
	if !ok || begin.Sub(s.at) < pause {
		return 0, false
	}
	used, ok = s.meter.Exact()
	s.at = time.Now()
	s.took = s.at.Sub(begin)
	return used, ok
}
