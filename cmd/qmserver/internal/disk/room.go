package disk

import (
	"errors"
	"syscall"
)

// IsNoRoom tells whether an error may pass by itself, or by what someone does
// elsewhere: the disk is full, the quota used up, the file system read-only.
func IsNoRoom(err error) bool {
	for _, no := range noRoom {
		if errors.Is(err, no) {
			return true
		}
	}
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EROFS)
}
