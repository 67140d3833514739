package disk

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// renameNoReplace renames unless something lies at to (ErrTaken). It returns
// when the move is on disk.
func renameNoReplace(from, to string) error {
	old, err := windows.UTF16PtrFromString(extended(from))
	if err != nil {
		return err
	}
	anew, err := windows.UTF16PtrFromString(extended(to))
	if err != nil {
		return err
	}
	err = windows.MoveFileEx(old, anew, windows.MOVEFILE_WRITE_THROUGH)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, windows.ERROR_ALREADY_EXISTS), errors.Is(err, windows.ERROR_FILE_EXISTS):
		err = ErrTaken
	}
	return &os.LinkError{Op: "MoveFileEx", Old: from, New: to, Err: err}
}
