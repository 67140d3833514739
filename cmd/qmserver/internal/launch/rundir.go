package launch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/probe"
)

// missingMark is a file beside the folder of the run files: that was missing,
// so what lies in QM_Jobs may have run.
const missingMark = ".missing"

// makeRunDir makes the folder of the run files if it is missing, and leaves the
// mark until all that lay in QM_Jobs has been judged, crash or not.
func makeRunDir(path string) error {
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	err := os.WriteFile(path+missingMark, nil, 0o600)
	if err == nil {
		probe.Step("run folder: marked")
		err = disk.SyncDir(filepath.Dir(path))
	}
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

// Judged takes the mark away that makes Runs broken: nothing that lay in
// QM_Jobs then lies there still.
func (l *Local) Judged() error {
	if !l.missing {
		return nil
	}
	err := os.Remove(l.dir.Name() + missingMark)
	if err == nil {
		l.missing = false
	}
	return err
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
