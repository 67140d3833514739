package launch

import (
	"slices"
	"strings"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/proc"
	"qm/cmd/qmserver/internal/runfile"
)

const (
	killAgain = 10 * time.Millisecond // what is left may have forked in between
	killSlow  = time.Second           // once it is clear that something does not die
	killLong  = 60 * time.Second      // after which it is told
)

// endLeftovers returns when nothing is left of the job whose supervisor, that
// of the run file, is dead. What a dead supervisor leaves falls to this server
// if that started it; else, and where the server has children that are none of
// ours, it is found by its control group, or by QM_RUN in its environment. Without
// such a group a process that cleared its environment is not found then.
func (l *Local) endLeftovers(run string, id disk.Identity) {
	begin, pause, told := time.Now(), killAgain, false
	for {
		left := l.leftovers(run)
		if len(left) == 0 {
			return
		}
		if !told {
			l.log.Warn("ending what a dead supervisor left", "run", run, "processes", proc.Names(left))
			told = true
		}
		for _, pid := range left {
			if err := proc.Kill(pid); err != nil {
				l.log.Error("process can't be ended", "run", run, "process", proc.Find(pid).String(), "error", err)
			}
			proc.Reap(pid)
		}
		if pause == killAgain && time.Since(begin) > killLong {
			pause = killSlow
			l.log.Error("processes do not die; the job keeps its slots", "run", run, "processes", proc.Names(left))
			l.tell(Event{Identity: id, Undying: strings.Join(proc.Names(left), ", ")})
		}
		select {
		case <-time.After(pause):
		case <-l.closed:
			return
		}
	}
}

// leftovers returns our children that are no supervisors, what is marked as of
// the run, and all that came of them.
func (l *Local) leftovers(run string) []int {
	left := l.marked(run)
	if !l.shared {
		left = append(left, l.strangers()...)
	}
	if len(left) == 0 {
		return nil
	}
	left = proc.Descendants(left)
	slices.Sort(left)
	return slices.Compact(left)
}

// marked returns what is known to be of the run, without all that came of it.
func (l *Local) marked(run string) []int {
	return append(proc.WithVariable("QM_RUN", run, runfile.UserOf(run)), l.groups.Processes(run)...)
}

// strangers returns our children that are no supervisors. One that has ended
// is reaped at once.
func (l *Local) strangers() []int {
	l.mu.Lock()
	supervisors := make(map[int]bool, len(l.own))
	for _, s := range l.own {
		supervisors[s.pid] = true
	}
	children := proc.Children()
	l.mu.Unlock()
	var strangers []int
	for _, pid := range children {
		if !supervisors[pid] && !proc.Reap(pid) {
			strangers = append(strangers, pid)
		}
	}
	return strangers
}
