package disk

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// renameNoReplace renames unless something lies at to (ErrTaken); see
// renamex_np(2), which not every file system supports.
func renameNoReplace(from, to string) error {
	err := unix.RenamexNp(from, to, unix.RENAME_EXCL)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENOTSUP):
		return renameChecked(from, to)
	case errors.Is(err, unix.EEXIST):
		err = ErrTaken
	}
	return &os.LinkError{Op: "renamex_np", Old: from, New: to, Err: err}
}
