package proc

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// punctual is how much later than asked for a thread is woken whom nobody has
	// told otherwise; see PR_SET_TIMERSLACK(2const).
	punctual = 50 * time.Microsecond
	// leisurely is how much later the monitor thread of a process is that Leisurely
	// starts. It must stay below what people notice.
	leisurely = 10 * time.Millisecond
)

// Leisurely calls start, which starts a process of this program, so that the
// monitor thread of its Go runtime sleeps longer. That thread wakes every 20 µs as
// long as there is something to do; on a virtual machine this takes a fifth of all
// the time that a short job costs. What it does, such as to let others run while a
// thread waits for a disk, comes later in return. The process is to call Punctual at
// its start; only threads that are there before stay as they are.
func Leisurely(start func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if own, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0); err == nil {
		setSlack(leisurely)
		defer setSlack(time.Duration(own))
	}
	return start()
}

// Punctual takes back for this thread, and what it makes, what Leisurely has
// done.
func Punctual() { setSlack(punctual) }

// setSlack fails where the kernel knows no slack, and is not needed there.
func setSlack(d time.Duration) {
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(d.Nanoseconds()), 0, 0, 0)
}
