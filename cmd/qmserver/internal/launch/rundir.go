package launch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/probe"
	"qm/cmd/qmserver/internal/runfile"
)

// missingMark is a file beside the folder of the run files: that was missing, or
// a run file of the user's in it, so what lies in QM_Jobs may have run. It stays
// until all that lay there has been judged, crash or not.
const missingMark = ".missing"

// markMissing leaves the mark. It is durable when markMissing returns nil.
func markMissing(path string, uid int) error {
	if err := os.WriteFile(path+runfile.NameFor(missingMark, uid), nil, 0o600); err != nil {
		return err
	}
	probe.Step("run folder: marked")
	return disk.SyncDir(filepath.Dir(path))
}

// missingMarks returns whose run files were missing.
func missingMarks(path string) (map[int]bool, error) {
	marks, err := filepath.Glob(path + missingMark + "*")
	users := make(map[int]bool)
	for _, mark := range marks {
		users[runfile.UserOf(mark)] = true
	}
	return users, err
}

// makeRunDir makes the folder of the run files if it is missing, and leaves the
// mark.
func makeRunDir(path string) error {
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	err := markMissing(path, runfile.Anyones)
	if err == nil {
		probe.Step("run folder: mark synced")
		err = os.Mkdir(path, 0o711)
	}
	if err == nil {
		probe.Step("run folder: made")
		err = disk.SyncDir(filepath.Dir(path))
		probe.Step("run folder: synced")
	}
	return err
}

// Judged takes the marks away that make Runs broken: nothing that lay in
// QM_Jobs then lies there still.
func (l *Local) Judged() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for uid := range l.missing {
		if err := os.Remove(l.dir.Name() + runfile.NameFor(missingMark, uid)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		delete(l.missing, uid)
	}
	return nil
}

// wish makes the file that asks a supervisor to stop its job.
func (l *Local) wish(run string, id disk.Identity) error {
	return os.WriteFile(l.stopFile(run, id), nil, 0o600)
}

// runOfStop returns of which run a stop file is, if it is one.
func runOfStop(name string) (run string, isStop bool) {
	wish, isStop := strings.CutSuffix(name, stopSuffix)
	i := strings.LastIndexByte(wish, '.')
	if !isStop || i < 0 {
		return "", false
	}
	return wish[:i], true
}

const stopSuffix = ".stop"

// stopFile is where a supervisor looks for our wish that its job stops. Only
// this server can make a file there.
func (l *Local) stopFile(run string, id disk.Identity) string {
	return filepath.Join(l.dir.Name(), fmt.Sprintf("%s.%d%s", run, id.Inode, stopSuffix))
}
