package launch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/runfile"
)

// placeFile is a file beside the folder of the run files that says which folder
// that is. In a copy of the tree, such as a backup that was put back, it is
// another: the runs of which the copied run files tell are those of the tree
// that was copied, and may go on there.
const placeFile = ".place"

// settleIn sees to it that the run files at path are those of this tree. It
// tells whether they were copied with it: then they are removed, and all that
// lies in QM_Jobs may have run.
func settleIn(path string) (copied bool, err error) {
	facts, err := disk.Lstat(path)
	if err != nil {
		return false, fmt.Errorf("look at the folder of the run files: %w", err)
	}
	here := fmt.Sprintf("%d %d\n", facts.Inode, facts.Birth)
	noted, err := os.ReadFile(path + placeFile)
	switch {
	case string(noted) == here:
		return false, nil
	case errors.Is(err, fs.ErrNotExist):
		return false, notePlace(path, here)
	case err != nil:
		return false, fmt.Errorf("read which tree this is: %w", err)
	}
	if err := disownRuns(path); err != nil {
		return true, fmt.Errorf("remove the run files of another tree: %w", err)
	}
	return true, notePlace(path, here)
}

// disownRuns leaves the mark and removes the run files, in this order.
func disownRuns(path string) error {
	if err := markMissing(path, runfile.Anyones); err != nil {
		return err
	}
	names, err := filepath.Glob(filepath.Join(path, "*"))
	errs := []error{err}
	for _, name := range names {
		errs = append(errs, os.Remove(name))
	}
	return errors.Join(append(errs, disk.SyncDir(path))...)
}

func notePlace(path, here string) error {
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("note which tree this is: %w", err)
	}
	defer dir.Close()
	return disk.Replace(dir, filepath.Base(path)+placeFile, []byte(here), 0o600, disk.Durable)
}
