package proc

import (
	"os"
	"runtime"
	"syscall"
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
	// calm is the same for the server, which has more than one thing to do at a
	// time: what waits behind a thread that waits for a disk waits for the monitor.
	calm = time.Millisecond
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
	if own := slack(); own > 0 {
		setSlack(leisurely)
		defer setSlack(own)
	}
	return start()
}

// Calm executes this program once more, under the same process id, so that its own
// monitor thread sleeps longer, too: before that is told it is there already. It
// returns in the second run, and in the first where that can't be, or where someone
// else has decided how punctual this process is. So it comes first of all.
func Calm() {
	runtime.LockOSThread() // what is set is the thread's, which becomes the process
	defer runtime.UnlockOSThread()
	own := slack()
	if own == calm {
		Punctual()
	}
	if own != punctual {
		return
	}
	path, err := os.Executable()
	if setSlack(calm); err == nil && slack() == calm { // else it would never end
		_ = syscall.Exec(path, os.Args, os.Environ())
	}
	Punctual()
}

// Punctual takes back for this thread, and what it makes, what Leisurely has
// done.
func Punctual() { setSlack(punctual) }

// slack is this thread's; 0: the kernel knows none.
func slack() time.Duration {
	ns, err := unix.PrctlRetInt(unix.PR_GET_TIMERSLACK, 0, 0, 0, 0)
	if err != nil {
		return 0
	}
	return time.Duration(ns)
}

// setSlack fails where the kernel knows no slack, and is not needed there.
func setSlack(d time.Duration) {
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, uintptr(d.Nanoseconds()), 0, 0, 0)
}
