package supervise

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"qm/pkg/layout"
)

// cause says why a job was stopped, and as what that counts.
type cause struct {
	outcome layout.Outcome
	reason  string
}

// phase is how far a job has come to its end.
type phase int

const (
	running   phase = iota // its first process lives and nobody asked it to stop
	lingering              // the first process has ended, others are about to, perhaps
	ending                 // all were told TERM
	killing                // all were told KILL, and are told again until none is left
)

const (
	// linger is how long what a job leaves behind may take to end by itself,
	// such as a tee that still has a line to write.
	linger = 250 * time.Millisecond
	// rekill is how often a job that does not die is killed again: its last
	// processes may have forked in between.
	rekill = 10 * time.Millisecond
	// slowly is how long after KILL it is sent less often: who has not died by
	// then waits for a disk, or is not ours to kill.
	slowly = 5 * time.Second
	// undying is how long after KILL it is told that something does not die: in
	// the job's log, and in the run file for the server.
	undying = 60 * time.Second
	// unasked is how long a job that died of TERM or KILL waits for a TERM of
	// our own: the machine going down reaches both, in any order.
	unasked = 500 * time.Millisecond
	// short is how long a job runs before its record is begun, and before anybody
	// looks whether it is asked to stop.
	short = 100 * time.Millisecond
	// lookEvery is how often control files and the folder's place are looked
	// at where no events tell of them, and lookSeldom how often the stop file
	// is once there is no server that could tell.
	lookEvery  = time.Second
	lookSeldom = 5 * time.Second
)

// watch returns when nothing of the job is left.
func (s *supervisor) watch(a *attempt) {
	w := &watcher{attempt: a, supervisor: s, next: stoppedTimer()}
	var limit <-chan time.Time
	if a.Limit > 0 {
		limit = time.After(a.Limit)
	}
	settled := time.After(short)
	guard := newGuard(a)
	defer guard.close()
	look := time.NewTicker(lookEvery)
	look.Stop()
	defer look.Stop()
	watching := false
	defer func() {
		if watching {
			s.notifier.unwatch()
		}
	}()
	for w.proceed() {
		select {
		case <-s.signals.child:
		case <-w.next.C:
			w.deadline()
		case <-limit:
			w.stop(layout.TimedOut, fmt.Sprintf("its time limit of %s is over", a.Limit))
		case <-s.signals.term:
			w.interrupt()
		case <-settled:
			watching = s.beginToLook(look)
			w.look()               // at what came before
			_ = w.writeRecord(nil) // a copy: that it can't be written must not hurt the job
			a.oomKills = a.meter.Killed()
		case <-guard.logDue():
			w.checkLog(guard)
		case used := <-guard.memory():
			w.stopSoon(guard.tooMuch(used))
		case <-s.notifier.C():
			w.look()
		case <-look.C:
			w.look()
		case line, more := <-s.lines:
			if !more {
				s.lines = nil
				if watching {
					look.Reset(lookSeldom)
				}
			} else if isStop(line) {
				w.stop(layout.Stopped, byOperator)
			}
		}
	}
	w.endedByKernel()
	w.awaitTerm()
}

// endedByKernel notices that the system has ended the job for what it used, or
// has given it no more, at which it failed.
func (w *watcher) endedByKernel() {
	first, how := w.procs.first(), ""
	switch {
	case w.cause != nil:
		return
	case first.killed() && w.group.Exceeded():
		how = "the kernel ended it when it asked for more"
	case first.code != 0 && w.procs.refusedMemory():
		how = "it failed when it was given no more"
	default:
		return
	}
	w.procs.used.sample(w.Memory)
	w.cause = &cause{layout.Stopped, fmt.Sprintf("memory: used %s; %s", amounts(w.Memory, w.Memory), how)}
	w.log.say("%s: %s", w.cause.outcome, w.cause.reason)
}

// beginToLook arranges that someone looks whether the job is asked to stop: at
// events, which it tells, or else by the ticker. Events do not tell of the stop
// file, which counts once no server is at the other end of our stdin.
func (s *supervisor) beginToLook(t *time.Ticker) (watching bool) {
	if s.notifier == nil {
		s.notifier = openNotifier()
	}
	watching = s.notifier.watch()
	switch {
	case !watching:
		t.Reset(lookEvery)
	case s.lines == nil:
		t.Reset(lookSeldom)
	}
	return watching
}

const byOperator = "the operator of the server asked for it (Ctrl-C)"

func stoppedTimer() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

type watcher struct {
	*attempt
	supervisor *supervisor
	phase      phase
	next       *time.Timer // the end of the phase
	killed     time.Time   // when KILL was first sent
	told       bool        // that something does not die
}

const (
	toldToEnd = "the machine or its service manager told QM to end (signal TERM)"
	endedByIt = "the machine or its service manager ended it"
)

// interrupt stops the job because this supervisor was told to end, which it
// then does. A job that has ended meanwhile, but not durably, was told too.
func (w *watcher) interrupt() {
	w.supervisor.ending = true
	if w.cause == nil && w.procs.firstEnded() {
		w.cause = &cause{layout.Interrupted, endedByIt}
		return
	}
	w.stop(layout.Interrupted, toldToEnd)
}

// proceed takes notice of what has ended and tells whether something is left.
func (w *watcher) proceed() bool {
	w.procs.reap()
	if w.procs.none() {
		return false
	}
	if w.phase == running && w.procs.firstEnded() {
		w.enter(lingering, linger)
	}
	return true
}

func (w *watcher) enter(p phase, d time.Duration) {
	w.phase = p
	w.next.Reset(d)
}

// deadline ends the phase whose time is over.
func (w *watcher) deadline() {
	switch w.phase {
	case running:
	case lingering:
		if left := w.procs.left(); len(left) > 0 {
			w.log.say("ended what the job left running: %s", strings.Join(left, ", "))
		}
		w.procs.terminate()
		w.enter(ending, w.Grace)
	case ending:
		w.killed = time.Now()
		w.procs.kill()
		w.enter(killing, rekill)
	case killing:
		w.procs.kill()
		if time.Since(w.killed) < slowly {
			w.enter(killing, rekill)
		} else {
			w.enter(killing, lookEvery)
		}
		if time.Since(w.killed) > w.supervisor.undying && !w.told {
			w.tellUndying()
		}
	}
}

// tellUndying tells once, in the job's log and to the server, this one and the
// next, what does not die.
func (w *watcher) tellUndying() {
	w.told = true
	line := w.begun
	line.Undying = strings.Join(w.procs.left(), ", ")
	w.log.say("does not die, and keeps its processors until it does: %s", line.Undying)
	_ = w.supervisor.run.Append(line) // it stands in the log, if not here
}

// stop begins to end the job. The first cause counts.
func (w *watcher) stop(outcome layout.Outcome, reason string) {
	if w.cause != nil || w.procs.firstEnded() {
		return
	}
	w.cause = &cause{outcome, reason}
	w.log.say("%s: %s", outcome, reason)
	w.procs.terminate()
	w.enter(ending, w.Grace)
}

// look stops the job if someone asks for that.
func (w *watcher) look() {
	if reason := w.asked(); reason != "" {
		w.stop(layout.Stopped, reason)
	}
	w.supervisor.memory.free() // it may be days until we do something again
}

// asked tells whether, and by what, someone asks the job to stop.
func (w *watcher) asked() string {
	if name := w.control.stopFile(); name != "" {
		return stopWords(name)
	}
	if !isAt(w.Parent, w.name, w.Identity) {
		return takenOut
	}
	if _, err := os.Lstat(w.StopFile); err == nil {
		return byOperator
	}
	return ""
}

func stopWords(name string) string {
	return fmt.Sprintf("a file named %s was put into its folder", name)
}

var takenOut = "its folder was taken out of " + layout.Running.Folder()

// awaitTerm gives a TERM that is on its way the time to arrive: a long one where
// the job died of a signal that nobody here sent, else only that for what has
// arrived already.
func (w *watcher) awaitTerm() {
	if w.cause != nil {
		return
	}
	runtime.Gosched() // to who passes signals on
	select {
	case <-w.supervisor.signals.term:
		w.interrupt()
		return
	default:
	}
	if !w.procs.first().killedFromOutside() {
		return
	}
	select {
	case <-w.supervisor.signals.term:
		w.interrupt()
	case <-time.After(unasked):
	}
}
