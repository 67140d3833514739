package supervise

import (
	"fmt"
	"syscall"
	"time"

	"github.com/dustin/go-humanize"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/proc"
	"qm/pkg/layout"
)

const (
	// guardEvery is how often it is looked at what a job with such a limit uses.
	guardEvery = 250 * time.Millisecond
	// soon is the most that a job gets from TERM to KILL that uses too much: it
	// goes on to take more.
	soon = time.Second
)

// guard holds a job to what it may use of memory and of the disk for its log.
// It is made for jobs that have such a limit only.
type guard struct {
	*attempt
	ticker *time.Ticker
	meter  proc.Meter
}

// newGuard returns nil for a job without limits.
func newGuard(a *attempt) *guard {
	if a.Memory == 0 && a.MaxLog == 0 {
		return nil
	}
	return &guard{attempt: a, ticker: time.NewTicker(guardEvery)}
}

// C tells when to look; that of no guard never does.
func (g *guard) C() <-chan time.Time {
	if g == nil {
		return nil
	}
	return g.ticker.C
}

func (g *guard) close() {
	if g != nil {
		g.ticker.Stop()
	}
}

// excess tells, in words, what the job uses too much of, or "".
func (g *guard) excess() string {
	if g.MaxLog > 0 {
		if size := g.log.taken(); size > g.MaxLog {
			return fmt.Sprintf("its log has %s of max_log = %s", humanize.IBytes(uint64(size)), humanize.IBytes(uint64(g.MaxLog)))
		}
	}
	if g.Memory > 0 {
		if used := g.memory(); used > g.Memory {
			return fmt.Sprintf("memory: used %s of %s", humanize.IBytes(uint64(used)), humanize.IBytes(uint64(g.Memory)))
		}
	}
	return ""
}

// memory measures what the job's processes have together, and keeps the most
// that was seen. The exact measure takes long, and is taken only where the rough
// one, which counts shared memory more than once, is above the limit.
func (g *guard) memory() int64 {
	used, known := g.meter.Rough()
	if known && used > g.Memory {
		used, _ = g.meter.Exact()
	}
	g.procs.used.sample(used)
	return used
}

// taken is what the log has of the disk, or its length if that is more.
func (l *jobLog) taken() int64 {
	info, err := l.Stat()
	if err != nil {
		return 0
	}
	const block = 512 // of st_blocks; see inode(7)
	return max(info.Size(), block*disk.DetailsOf(info).Blocks)
}

// stopSoon stops a job that uses too much. One that is about to end anyway gets
// no longer for that than another would.
func (w *watcher) stopSoon(reason string) {
	if w.excessive {
		return
	}
	w.excessive = true
	w.Grace = min(w.Grace, soon)
	switch w.phase {
	case running:
		w.stop(layout.Stopped, reason)
	case lingering:
		w.log.say("what the job left running is ended: %s", reason)
		w.procs.terminate()
		w.enter(ending, w.Grace)
	case ending:
		w.log.say("it is killed within %s: %s", w.Grace, reason)
		w.enter(ending, w.Grace)
	case killing:
	}
}

// shellKilled is the exit code of a shell whose last command was killed by
// SIGKILL; see sh(1) "exit status".
const shellKilled = 128 + int(syscall.SIGKILL)

// unexplained tells people of a KILL that nobody here has sent, or returns "": the
// kernel does that where memory is short, and counts how often, but not whom.
// What a shell says of its command counts only if there was such a one.
func unexplained(first status, before, now int64) string {
	const killed = "killed by signal 9 (SIGKILL), "
	const perhaps = killed + "perhaps for lack of memory: the kernel has ended a process of this machine for that meanwhile"
	short := before >= 0 && now > before
	switch {
	case first.signal == int(syscall.SIGKILL) && short:
		return perhaps
	case first.signal == int(syscall.SIGKILL):
		return killed + "cause unknown"
	case first.signal == 0 && first.code == shellKilled && short:
		return "a process of it was " + perhaps
	}
	return ""
}
