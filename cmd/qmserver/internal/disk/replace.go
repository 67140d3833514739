package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"time"

	"qm/cmd/qmserver/internal/probe"
	"qm/pkg/layout"
)

// Sync says whether a file must be on disk before Replace returns.
type Sync bool

// The two kinds of files: those that must outlive a power cut, and those that
// the next one replaces in seconds.
const (
	Durable  Sync = true
	Volatile Sync = false
)

// tempSuffix ends the temporary name of a file.
const tempSuffix = ".tmp"

// Replace writes a file whole under a temporary name beside it and renames
// that over name, so that a reader sees the old content or the new one.
// If durable, the new content is on disk when it returns nil. Whatever kind of
// file another had put at the temporary name is removed, not written into.
func Replace(dir *os.Root, name string, data []byte, perm fs.FileMode, sync Sync) error {
	if err := replace(dir, name, data, perm, sync); err != nil {
		return fmt.Errorf("replace file: %w", err)
	}
	return nil
}

func replace(dir *os.Root, name string, data []byte, perm fs.FileMode, sync Sync) error {
	if parent := path.Dir(name); parent != "." {
		inner, err := dir.OpenRoot(parent + "/.") // the dot keeps it from opening what is no folder
		if err != nil {
			return err
		}
		defer inner.Close()
		dir, name = inner, path.Base(name)
	}
	temp := name + tempSuffix
	f, err := create(dir, temp, perm)
	if err != nil {
		return err
	}
	probe.Step("replace")
	syncNamed := sync == Durable && keepsName(f)
	_, err = f.Write(data)
	probe.Step("replace: written")
	if err == nil && sync == Durable {
		if syncNamed {
			err = writeOut(f)
		} else {
			err = f.Sync()
		}
		probe.Step("replace: written out")
	}
	if syncNamed {
		defer f.Close()
	} else {
		err = errors.Join(err, f.Close()) // Windows renames no file that is open
	}
	if err == nil {
		err = renameOver(dir, temp, name)
	}
	if err != nil {
		return errors.Join(err, dir.Remove(temp))
	}
	probe.Step("replace: renamed")
	if sync == Volatile {
		return nil
	}
	if syncNamed {
		err = f.Sync()
	} else {
		err = syncRoot(dir)
	}
	probe.Step("replace: synced")
	return err
}

// create makes a file that was not there, in place of one that is.
func create(dir *os.Root, name string, perm fs.FileMode) (*os.File, error) {
	const flags = os.O_WRONLY | os.O_CREATE | os.O_EXCL | layout.NonBlock
	f, err := dir.OpenFile(name, flags, perm)
	if !errors.Is(err, fs.ErrExist) {
		return f, err
	}
	if err := dir.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return dir.OpenFile(name, flags, perm)
}

// inUseFor is how long a file is waited for that another program reads just now,
// which on Windows keeps it from being replaced.
const inUseFor = 250 * time.Millisecond

func renameOver(dir *os.Root, temp, name string) error {
	for pause, since := time.Millisecond, time.Now(); ; pause *= 2 {
		err := dir.Rename(temp, name)
		if err == nil || !IsInUse(err) || time.Since(since)+pause > inUseFor {
			return err
		}
		time.Sleep(pause)
	}
}

func syncRoot(dir *os.Root) error {
	d, err := layout.OpenHere(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return syncOpenDir(d)
}

// SyncDir makes the entries of a folder durable.
func SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	defer d.Close()
	if err := syncOpenDir(d); err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	return nil
}
