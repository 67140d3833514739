package spool

import (
	"time"

	"qm/pkg/layout"
)

// Interrupt asks Run to start nothing more, and with stop also to stop what
// runs; Run returns when nothing runs any more. It may be called by any
// goroutine, and returns when Run has taken notice or has ended.
func (s *Spool) Interrupt(stop bool) {
	select {
	case s.wishes <- stop:
	case <-s.quit:
	}
}

func (s *Spool) interrupt(stop bool) {
	s.ending, s.dirty = true, true
	s.sendBack(time.Now())
	for j := range s.jobs.by[running] {
		if !stop {
			s.log.Info("job runs on unless Ctrl-C comes again", "job", j.shown())
			continue
		}
		if err := s.launcher.Stop(j.Identity); err != nil {
			s.log.Error("job can't be stopped", "job", j.shown(), "error", err,
				"remedy", "put a file named "+string(layout.Stop)+" into its folder")
		}
	}
}

func (s *Spool) anyRunning() bool {
	for j := range s.jobs.by[over] {
		if j.telling {
			return true
		}
	}
	return len(s.jobs.by[running])+len(s.jobs.by[closing]) > 0
}
