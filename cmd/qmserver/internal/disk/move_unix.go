//go:build unix

package disk

import (
	"errors"
	"io/fs"
	"os"
)

// renameChecked is for file systems that can't refuse to replace by
// themselves: it looks first, which leaves an instant in between.
func renameChecked(from, to string) error {
	if _, err := os.Lstat(to); err == nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: ErrTaken}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Rename(from, to)
}
