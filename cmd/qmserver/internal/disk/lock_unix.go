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
func TryLock(f *os.File) error { return tryLock(f, unix.LOCK_EX) }

// TryAsk asks whether anyone has locked an open file, which need not be open for
// writing: NFS makes that a condition of TryLock. ErrHeld if so. Others may ask at
// the same time; as long as f is open, nobody can lock it.
func TryAsk(f *os.File) error { return tryLock(f, unix.LOCK_SH) }

func tryLock(f *os.File, how int) error {
	err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EWOULDBLOCK), errors.Is(err, unix.EACCES):
		err = ErrHeld
	}
	return fmt.Errorf("lock %s: %w", f.Name(), err)
}

// Await is like TryAsk, but waits until nobody has the lock. It occupies a thread
// while it waits.
func Await(f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_SH)
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("lock %s: %w", f.Name(), err)
		}
	}
}
