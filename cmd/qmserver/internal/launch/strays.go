package launch

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"qm/cmd/qmserver/internal/proc"
	"qm/cmd/qmserver/internal/runfile"
	"qm/cmd/qmserver/internal/supervise"
)

// Stray is a supervisor of an earlier server that lives, but whose run file was
// taken away or can't be read; or, once it is dead, what it left.
type Stray struct {
	Process string // for people; empty: whether there is one is not known yet
	Until   string // what is waited for, in words
	uid     int
	all     bool // it may run the jobs of all users
}

func supervisorStray(process string, uid int, all bool) Stray {
	return Stray{Process: process, Until: "the supervisor " + process + " is gone", uid: uid, all: all}
}

// MayRun tells whether it may run a job of the user's.
func (s Stray) MayRun(uid int) bool { return s.all || s.uid == uid }

// Strays returns those that runs does not tell of. That a run file was taken
// away is durable then. What the dead ones left is ended: as long as some of it
// is there, so are they.
func (l *Local) Strays(runs Runs) []Stray {
	for _, run := range runs.unread {
		l.strays[run] = true
	}
	var strays []Stray
	live := make(map[string]bool)
	for _, c := range proc.Commands(l.isSupervisor) {
		run := filepath.Base(supervise.RunFile(c.Args))
		live[run] = true
		read := slices.ContainsFunc(runs.Files, func(r runfile.Run) bool { return r.Name == run })
		// Anybody may call a process as we call ours.
		all := c.UID == os.Getuid()
		if read || l.Own(run) || !all && l.accounts == nil {
			continue
		}
		l.recheck(run)
		l.strays[run] = true
		strays = append(strays, supervisorStray(proc.Find(c.PID).String(), c.UID, all))
	}
	for run := range l.strays {
		if live[run] {
			continue
		}
		left := l.endOnce(run)
		if len(left) == 0 {
			delete(l.strays, run)
			continue
		}
		uid := runfile.UserOf(run)
		strays = append(strays, supervisorStray(strings.Join(proc.Names(left), ", "), uid, uid == runfile.Anyones))
	}
	return strays
}

func (l *Local) isSupervisor(args []string) bool {
	return filepath.Dir(supervise.RunFile(args)) == l.dir.Name()
}

// endOnce sends KILL to what is marked as of the run, and returns that.
func (l *Local) endOnce(run string) []int {
	left := proc.Descendants(l.marked(run))
	if len(left) > 0 {
		l.log.Warn("ending what a dead supervisor left", "run", run, "processes", proc.Names(left))
	}
	for _, pid := range left {
		if err := proc.Kill(pid); err != nil {
			l.log.Error("process can't be ended", "run", run, "process", proc.Find(pid).String(), "error", err)
		}
	}
	return left
}

// recheck tells, and notes durably, if a run file was taken away whose supervisor
// may have begun a job: what the others do not tell of may then have run.
func (l *Local) recheck(run string) (lost bool) {
	if _, err := l.dir.Lstat(run); !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	uid := runfile.UserOf(run)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.missing[uid] {
		return true
	}
	l.missing[uid] = true
	if err := markMissing(l.dir.Name(), uid); err != nil {
		l.log.Warn("it can't be noted that a run file was taken away", "error", err)
	}
	return true
}

// missed returns whose run files were taken away.
func (l *Local) missed() []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Keys(l.missing))
}
