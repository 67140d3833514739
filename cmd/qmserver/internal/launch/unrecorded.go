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

// Unrecorded names a supervisor of an earlier server that lives, but whose run
// file was taken away or can't be read: it may run any job of the user's. "" if
// there is none. That a run file was taken away is durable then.
func (l *Local) Unrecorded(runs Runs, uid int) string {
	ours := func(args []string) bool { return filepath.Dir(supervise.RunFile(args)) == l.dir.Name() }
	for _, c := range proc.Commands(ours) {
		run := filepath.Base(supervise.RunFile(c.Args))
		read := slices.ContainsFunc(runs.Files, func(r runfile.Run) bool { return r.Name == run })
		if read || l.Own(run) || !l.mayRunFor(c.UID, uid) {
			continue
		}
		l.recheck(run)
		return proc.Find(c.PID).String()
	}
	return ""
}

// mayRunFor tells whether a process of the one user may be a supervisor of the
// other's jobs. Anybody may call a process as we call ours.
func (l *Local) mayRunFor(process, owner int) bool {
	return process == os.Getuid() || l.accounts != nil && process == owner
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
