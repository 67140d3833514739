//go:build unix

package disk

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// TryLock locks an open file for as long as anyone has it open: a child that
// inherits f inherits the lock. ErrHeld if another process has it. NFS says
// EWOULDBLOCK, CIFS says EACCES; see flock(2).
func TryLock(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EWOULDBLOCK), errors.Is(err, unix.EACCES):
		err = ErrHeld
	}
	return fmt.Errorf("lock %s: %w", f.Name(), err)
}

// Lock is like TryLock, but waits until the lock is free. It occupies a thread
// while it waits.
func Lock(f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX)
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("lock %s: %w", f.Name(), err)
		}
	}
}
