//go:build unix

package disk

import (
	"os"

	"golang.org/x/sys/unix"
)

func space(path string) (Space, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return Space{}, &os.PathError{Op: "statfs", Path: path, Err: err}
	}
	block := int64(st.Bsize) //nolint:unconvert // it has 32 bits elsewhere
	return Space{Free: int64(st.Bavail) * block, Total: int64(st.Blocks) * block}, nil
}
