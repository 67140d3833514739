package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"qm/cmd/qmserver/internal/probe"
)

// Move renames the folder from, which must be id, to the path to, both on one
// file system. It replaces nothing: ErrTaken if something lies at to.
// ErrChanged says that from is not id (any more), fs.ErrNotExist that nothing
// lies there. When it returns nil the move is durable; when it returns another
// error the folder may have moved and the move not be durable, which a
// repeated look at both places tells.
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
	// The target first: with it alone on disk the folder is in both or in the
	// new place, never in neither.
	err = SyncDir(filepath.Dir(to))
	probe.Step("move: target synced")
	err = errors.Join(err, SyncDir(filepath.Dir(from)))
	probe.Step("move: source synced")
	return err
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
