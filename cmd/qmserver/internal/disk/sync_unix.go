//go:build unix

package disk

import (
	"errors"
	"os"
	"syscall"
)

// syncOpenDir makes the entries of an open folder durable. Some file systems
// know no sync of a folder and say EINVAL or ENOTSUP: they need none.
func syncOpenDir(d *os.File) error {
	err := d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return err
}
