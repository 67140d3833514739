package launch

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"qm/cmd/qmserver/internal/proc"
	"qm/cmd/qmserver/internal/runfile"
	"qm/cmd/qmserver/internal/supervise"
)

// Stray is a supervisor of an earlier server that lives, but whose run file was
// taken away or can't be read.
type Stray struct {
	Process string // for people
	uid     int
	all     bool // it may run the jobs of all users
}

// MayRun tells whether it may run a job of the user's.
func (s Stray) MayRun(uid int) bool { return s.all || s.uid == uid }

// Strays returns those that runs does not tell of. That a run file was taken
// away is durable then.
func (l *Local) Strays(runs Runs) []Stray {
	ours := func(args []string) bool { return filepath.Dir(supervise.RunFile(args)) == l.dir.Name() }
	var strays []Stray
	for _, c := range proc.Commands(ours) {
		run := filepath.Base(supervise.RunFile(c.Args))
		read := slices.ContainsFunc(runs.Files, func(r runfile.Run) bool { return r.Name == run })
		// Anybody may call a process as we call ours.
		all := c.UID == os.Getuid()
		if read || l.Own(run) || !all && l.accounts == nil {
			continue
		}
		l.recheck(run)
		strays = append(strays, Stray{proc.Find(c.PID).String(), c.UID, all})
	}
	return strays
}

// recheck notes, durably, if a run file was taken away whose supervisor may have
// begun a job: what the others do not tell of may then have run.
func (l *Local) recheck(run string) {
	if _, err := l.dir.Lstat(run); !errors.Is(err, fs.ErrNotExist) {
		return
	}
	uid := runfile.UserOf(run)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.missing[uid] {
		return
	}
	l.missing[uid] = true
	if err := markMissing(l.dir.Name(), uid); err != nil {
		l.log.Warn("it can't be noted that a run file was taken away", "error", err)
	}
}

// missed returns whose run files were taken away.
func (l *Local) missed() []int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Keys(l.missing))
}
