package disk

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/windows"
)

// TryLock locks an open file until it is closed or its process ends; unlike
// elsewhere a child does not inherit it. ErrHeld if another process has it.
func TryLock(f *os.File) error {
	return lockFile(f, windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY)
}

// TryAsk asks whether anyone has locked an open file. ErrHeld if so. Others may
// ask at the same time; as long as f is open, nobody can lock it.
func TryAsk(f *os.File) error { return lockFile(f, windows.LOCKFILE_FAIL_IMMEDIATELY) }

// Await is like TryAsk, but waits until nobody has the lock.
func Await(f *os.File) error { return lockFile(f, 0) }

// lockFile locks one byte far behind the data: locks are mandatory here, and
// what is locked can't be read.
func lockFile(f *os.File, flags uint32) error {
	at := &windows.Overlapped{OffsetHigh: 1 << 30}
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		err = ErrHeld
	}
	if err != nil {
		return fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return nil
}
