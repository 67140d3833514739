package snapshot

import (
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// When memory is given back: once many jobs have been read, and when nobody has
// asked for a while, if so much was used since that it is worth the work.
const (
	quiet  = 30 * time.Second
	wasted = 16 << 20 // bytes
)

// spent is the memory that scans and answers took and do not need any more. It
// wakes the program once after somebody asked, not again and again.
type spent struct {
	reading bool // many jobs are being read
	timer   *time.Timer
	before  atomic.Uint64 // bytes that had been used when memory was given back last
}

// scanned is told of each scan's end and how many jobs it has left unread.
func (s *spent) scanned(unread int) {
	if s.timer == nil {
		s.timer = time.AfterFunc(quiet, s.rest)
	} else {
		s.timer.Reset(quiet)
	}
	if unread > manyJobs {
		s.reading = true
	} else if s.reading && unread == 0 {
		s.reading = false
		s.rest()
	}
}

// rest gives back what was used, if that is much.
func (s *spent) rest() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.TotalAlloc-s.before.Load() > wasted {
		s.before.Store(m.TotalAlloc)
		debug.FreeOSMemory()
	}
}
