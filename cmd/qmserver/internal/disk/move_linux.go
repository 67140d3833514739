package disk

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// renameNoReplace renames unless something lies at to (ErrTaken). NFS and some
// FUSE file systems refuse the flag with EINVAL or ENOSYS; see rename(2).
func renameNoReplace(from, to string) error {
	err := ignoreEINTR(func() error {
		return unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	})
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS):
		return renameChecked(from, to)
	case errors.Is(err, unix.EEXIST), errors.Is(err, unix.ENOTEMPTY):
		err = ErrTaken
	}
	return &os.LinkError{Op: "renameat2", Old: from, New: to, Err: err}
}
