package disk

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

func lstatIn(dir *os.File, rel string) (Facts, error) {
	var st unix.Statx_t
	err := ignoreEINTR(func() error {
		return unix.Statx(int(dir.Fd()), rel, unix.AT_SYMLINK_NOFOLLOW, statxMask, &st)
	})
	if err != nil {
		return Facts{}, &os.PathError{Op: "statx", Path: filepath.Join(dir.Name(), rel), Err: err}
	}
	return factsOf(&st), nil
}
