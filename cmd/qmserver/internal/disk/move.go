package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"qm/cmd/qmserver/internal/probe"
)

// Move renames the folder from, which must be id, to the path to, both on one
// file system. It replaces nothing: ErrTaken if something lies at to.
// ErrChanged says that from is not id (any more), fs.ErrNotExist that nothing
// lies there. The move is durable once SyncMoves has synced both parents: many
// moves may share that.
func Move(id Identity, from, to string) error {
	now, err := Lstat(from)
	if err != nil {
		return fmt.Errorf("move folder: %w", err)
	}
	if now.Identity != id {
		return fmt.Errorf("move folder %q: %w", from, ErrChanged)
	}
	probe.Step("move")
	if err := renameNoReplace(from, to); err != nil {
		return fmt.Errorf("move folder: %w", err)
	}
	probe.Step("move: renamed")
	return nil
}

// SyncMoves makes moves durable that were made into the folders targets and out
// of the folders sources, each of which is synced once and in this order: a
// folder that is on disk in its new place alone, or in both, is not lost; see
// fsync(2).
func SyncMoves(targets, sources []string) error {
	var errs []error
	for _, path := range targets {
		errs = append(errs, SyncDir(path))
		probe.Step("move: target synced")
	}
	for _, path := range sources {
		errs = append(errs, SyncDir(path))
		probe.Step("move: source synced")
	}
	return errors.Join(errs...)
}

// SetAside renames the file name of dir to a free name that next makes, so
// that what is there is kept. It is not durable by itself.
func SetAside(dir *os.Root, name string, next func(try int) string) error {
	for try := 1; ; try++ {
		aside := next(try)
		_, err := dir.Lstat(aside)
		if err == nil {
			continue
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("set file aside: %w", err)
		}
		probe.Step("set aside")
		if err := dir.Rename(name, aside); err != nil {
			return fmt.Errorf("set file aside: %w", err)
		}
		probe.Step("set aside: renamed")
		return nil
	}
}
