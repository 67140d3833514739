package supervise

import (
	"fmt"
	"math"
	"syscall"
	"time"

	"qm/cmd/qmserver/internal/proc"
	"qm/pkg/layout"
)

const (
	// memoryEvery is how often a job's memory is measured that has a limit of it,
	// and logEvery how often its log is: at least, and at most when it grows fast.
	memoryEvery = 500 * time.Millisecond
	logEvery    = 250 * time.Millisecond
	logOften    = 5 * time.Millisecond
	// soon is the most that a job gets from TERM to KILL that uses too much: it
	// goes on to take more.
	soon = time.Second
	// flood is how many times its limit a log may be at which its job, which has
	// been told TERM, is told KILL at once.
	flood = 2
)

// guard holds a job to what it may use of memory and of the disk for its log.
// It is made for jobs that have such a limit only.
type guard struct {
	*attempt
	gauge *gauge // nil without a limit of the memory

	next  *time.Timer   // when to look at the log; nil without a limit of it
	pause time.Duration // before that
	size  int64         // of the log at the last look
}

// newGuard returns nil for a job without limits.
func newGuard(a *attempt) *guard {
	if a.Memory == 0 && a.MaxLog == 0 {
		return nil
	}
	g := &guard{attempt: a}
	if a.MaxLog > 0 {
		g.pause = logOften
		g.next = time.NewTimer(g.pause)
	}
	switch {
	case a.Memory > 0 && proc.Measures:
		g.gauge = startGauge(a.Memory)
	case a.Memory > 0 && !systemLimitsMemory:
		a.log.say("on this system its memory is kept for it, but it is not held to that")
	}
	return g
}

// logDue tells when to look at the log; that of no guard never does.
func (g *guard) logDue() <-chan time.Time {
	if g == nil || g.next == nil {
		return nil
	}
	return g.next.C
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
	if g.next != nil {
		g.next.Stop()
	}
	if g.gauge != nil {
		g.gauge.close()
	}
}

// logSize looks at the log, and arranges the next look: the faster it grows, the
// sooner. Its length counts: file systems such as XFS keep more blocks for a file
// that grows than it fills.
func (g *guard) logSize() int64 {
	size := g.size
	if info, err := g.log.Stat(); err == nil {
		size = info.Size()
	}
	g.pause = pace(g.pause, size-g.size, g.MaxLog-size)
	g.size = size
	g.next.Reset(g.pause)
	return size
}

// pace is half the time after which a log has grown by what is left, if it goes on
// to grow as it did in the last pause.
func pace(last time.Duration, grown, left int64) time.Duration {
	if grown <= 0 {
		return min(2*last, logEvery)
	}
	half := float64(last) * float64(max(left, 0)) / float64(grown) / 2
	return time.Duration(min(max(half, float64(logOften)), float64(logEvery)))
}

// tooMuch keeps the most memory that was seen, and tells, in words, that it is
// too much, or "".
func (g *guard) tooMuch(memory int64) string {
	g.procs.used.sample(memory)
	if memory <= g.Memory {
		return ""
	}
	return "memory: used " + amounts(memory, g.Memory)
}

// amounts writes how much of a limit was used, in its unit. What is more than the
// limit is never written as the same.
func amounts(used, limit int64) string {
	unit, name := int64(1<<10), "KB"
	switch {
	case limit >= 1<<30:
		unit, name = 1<<30, "GB"
	case limit >= 1<<20:
		unit, name = 1<<20, "MB"
	}
	tenths := func(n int64) float64 { return float64(n) * 10 / float64(unit) }
	most := math.Round(tenths(limit))
	got := math.Round(tenths(used))
	if used > limit {
		got = max(got, most+1)
	}
	return fmt.Sprintf("%.1f %s of %.1f %s", got/10, name, most/10, name)
}

// checkLog stops a job whose log is too long.
func (w *watcher) checkLog(g *guard) {
	size := g.logSize()
	if size <= w.MaxLog {
		return
	}
	if w.cause == nil {
		w.flooded = true
	}
	w.stopSoon(logWords(size, w.MaxLog))
	if size > flood*w.MaxLog && w.phase == ending {
		w.next.Reset(0)
	}
}

func logWords(size, most int64) string { return "max_log: its log has " + amounts(size, most) }

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
