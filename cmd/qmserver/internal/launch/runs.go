package launch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/probe"
	"qm/cmd/qmserver/internal/runfile"
	"qm/pkg/layout"
)

// Runs is what all run files together say.
type Runs struct {
	Files  []runfile.Run
	Broken error    // the folder, or a file of it, that could not be read
	unread []string // the names of those files whose supervisors are dead
	Unread []int    // whose run files that were; runfile.Anyones: it may have told of all folders
}

// Whole tells whether all could be read that may tell of the user's folders.
func (r Runs) Whole(uid int) bool {
	return !slices.Contains(r.Unread, uid) && !slices.Contains(r.Unread, runfile.Anyones)
}

func (r *Runs) miss(uid int, err error) {
	r.Broken = errors.Join(r.Broken, err)
	r.Unread = append(r.Unread, uid)
}

var errMissing = errors.New("the folder of the run files, or one of them, was missing")

// Runs reads all run files.
func (l *Local) Runs() Runs {
	names, err := l.names()
	var runs Runs
	if err != nil {
		runs.miss(runfile.Anyones, err)
	}
	for _, uid := range l.missed() {
		runs.miss(uid, errMissing)
	}
	for _, name := range names {
		if strings.HasSuffix(name, stopSuffix) {
			continue // see stopFile
		}
		run, err := runfile.Read(l.dir, name)
		switch {
		case errors.Is(err, fs.ErrNotExist): // removed since
		case err != nil:
			runs.miss(run.UID, err)
			if !run.Held && !l.Own(name) {
				runs.unread = append(runs.unread, name)
			}
		default:
			runs.Files = append(runs.Files, run)
			l.remember(run)
		}
	}
	return runs
}

// remember notes of which folders the run file tells, for Release.
func (l *Local) remember(run runfile.Run) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, line := range run.Last {
		if line.Event != runfile.Released {
			l.told[runfile.Folder{Identity: id, UID: run.UID}] = run.Name
		}
	}
}

func (l *Local) names() ([]string, error) {
	d, err := layout.OpenHere(l.dir)
	if err != nil {
		return nil, fmt.Errorf("list run files: %w", err)
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("list run files: %w", err)
	}
	return names, nil
}

// Adopt goes on watching a job whose supervisor an earlier server started,
// dead or alive. Gone tells when the supervisor has ended and nothing is left
// of the job.
func (l *Local) Adopt(run string, id disk.Identity) error {
	f, err := l.dir.OpenFile(run, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("adopt run: %w", err)
	}
	l.mu.Lock()
	l.adopted[run] = id
	l.mu.Unlock()
	go func() {
		err := disk.Await(f)
		if err != nil {
			l.log.Error("lock of adopted run can't be waited for", "run", run, "error", err)
		}
		_ = f.Close()
		lost := l.recheck(run)
		l.endLeftovers(run, id)
		l.groups.Remove(run)
		_ = os.Remove(l.stopFile(run, id)) // there is none, mostly
		l.mu.Lock()
		delete(l.adopted, run)
		l.mu.Unlock()
		l.tell(Event{Identity: id, Gone: true, Lost: lost})
	}()
	return nil
}

// Own tells whether the run file belongs to a supervisor that this server
// started and that lives, or to one that it has adopted.
func (l *Local) Own(run string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, adopted := l.adopted[run]
	return l.own[run] != nil || adopted
}

// Release makes it durable that what the run files say of an earlier run of
// this folder of the user's is over, before the folder is claimed again for this
// attempt.
func (l *Local) Release(id disk.Identity, uid, attempt int) error {
	var errs []error
	for _, f := range [...]runfile.Folder{{Identity: id, UID: runfile.Anyones}, {Identity: id, UID: uid}} {
		l.mu.Lock()
		run, told := l.told[f]
		l.mu.Unlock()
		if !told {
			continue
		}
		err := runfile.Release(l.dir, run, id, attempt)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
			continue
		}
		l.forget(f, run)
	}
	return errors.Join(errs...)
}

// folderOf is a folder and whose supervisor tells of it.
func (l *Local) folderOf(id disk.Identity, uid int) runfile.Folder {
	if l.accounts == nil {
		uid = runfile.Anyones
	}
	return runfile.Folder{Identity: id, UID: uid}
}

// forget notes that the run file tells of the folder no more.
func (l *Local) forget(f runfile.Folder, run string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.told[f] == run {
		delete(l.told, f)
	}
}

// Sweep removes the run files whose supervisor is gone and that tell of no
// folder for which pending is true. It returns what it has read.
func (l *Local) Sweep(pending func(disk.Identity) bool) (Runs, error) {
	var errs []error
	removed := false
	runs := l.Runs()
	for _, run := range runs.Files {
		if run.Held || l.Own(run.Name) || anyPending(run, pending) {
			continue
		}
		probe.Step("sweep")
		errs = append(errs, l.dir.Remove(run.Name))
		probe.Step("sweep: removed")
		l.groups.Remove(run.Name)
		removed = true
		for id := range run.Last {
			l.forget(runfile.Folder{Identity: id, UID: run.UID}, run.Name)
		}
	}
	removed = l.sweepStops(runs) || removed
	if removed {
		errs = append(errs, disk.SyncDir(l.dir.Name()))
		probe.Step("sweep: folder synced")
	}
	return runs, errors.Join(errs...)
}

// sweepStops removes the wishes of dead servers whose supervisors are gone, and
// tells whether there was one.
func (l *Local) sweepStops(runs Runs) bool {
	live := make(map[string]bool)
	for _, run := range runs.Files {
		live[run.Name] = run.Held || l.Own(run.Name)
	}
	names, err := l.names()
	if err != nil || runs.Broken != nil {
		return false
	}
	removed := false
	for _, name := range names {
		if run, isStop := runOfStop(name); isStop && !live[run] {
			removed = l.dir.Remove(name) == nil || removed
		}
	}
	return removed
}

func anyPending(run runfile.Run, pending func(disk.Identity) bool) bool {
	for id := range run.Last {
		if pending(id) {
			return true
		}
	}
	return false
}

// Attempts returns, for the folders whose run was cut, which attempt is next.
func (r Runs) Attempts() map[runfile.Folder]int {
	next := make(map[runfile.Folder]int)
	for _, run := range r.Files {
		for id, line := range run.Last {
			f := runfile.Folder{Identity: id, UID: run.UID}
			switch {
			case line.Event == runfile.Released:
				next[f] = max(next[f], line.Attempt)
			case line.Event == runfile.Starting, line.Outcome == layout.Interrupted:
				next[f] = max(next[f], line.Attempt+1)
			}
		}
	}
	return next
}
