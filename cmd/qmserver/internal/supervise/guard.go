package supervise

import (
	"fmt"
	"syscall"
	"time"

	"github.com/dustin/go-humanize"

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
	ticker *time.Ticker // nil without a limit of the log
	gauge  *gauge       // nil without one of the memory
}

// newGuard returns nil for a job without limits.
func newGuard(a *attempt) *guard {
	if a.Memory == 0 && a.MaxLog == 0 {
		return nil
	}
	g := &guard{attempt: a}
	if a.MaxLog > 0 {
		g.ticker = time.NewTicker(guardEvery)
	}
	if a.Memory > 0 {
		g.gauge = startGauge(a.Memory)
	}
	return g
}

// logDue tells when to look at the log; that of no guard never does.
func (g *guard) logDue() <-chan time.Time {
	if g == nil || g.ticker == nil {
		return nil
	}
	return g.ticker.C
}

// memory tells how many bytes the job's processes have; that of no guard never
// does.
func (g *guard) memory() <-chan int64 {
	if g == nil || g.gauge == nil {
		return nil
	}
	return g.gauge.used
}

func (g *guard) close() {
	if g == nil {
		return
	}
	if g.ticker != nil {
		g.ticker.Stop()
	}
	if g.gauge != nil {
		g.gauge.close()
	}
}

// tooLong tells, in words, that the log is too long, or "". Its length counts:
// file systems such as XFS keep more blocks for a file that grows than it fills.
func (g *guard) tooLong() string {
	info, err := g.log.Stat()
	if err != nil || info.Size() <= g.MaxLog {
		return ""
	}
	return fmt.Sprintf("its log has %s of max_log = %s", humanize.IBytes(uint64(info.Size())), humanize.IBytes(uint64(g.MaxLog)))
}

// tooMuch keeps the most memory that was seen, and tells, in words, that it is
// too much, or "".
func (g *guard) tooMuch(memory int64) string {
	g.procs.used.sample(memory)
	if memory <= g.Memory {
		return ""
	}
	return fmt.Sprintf("memory: used %s of %s", humanize.IBytes(uint64(memory)), humanize.IBytes(uint64(g.Memory)))
}

// stopSoon stops a job that uses too much, if there is a reason. One that is
// about to end anyway gets no longer for that than another would.
func (w *watcher) stopSoon(reason string) {
	if reason == "" || w.excessive {
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
