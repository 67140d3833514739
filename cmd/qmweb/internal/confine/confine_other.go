//go:build !linux

package confine

import "errors"

// ErrNoLandlock says that this system can't confine a process.
var ErrNoLandlock = errors.New("Landlock is there on Linux only")

// Confine does nothing here: ErrNoLandlock.
func Confine(_ string, _ ...string) (version int, folders []string, err error) {
	return 0, nil, ErrNoLandlock
}
