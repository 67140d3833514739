package supervise

import (
	"sync"

	"golang.org/x/sys/windows"
)

// What x/sys/windows does not have of kernel32.
var (
	kernel32      = sync.OnceValue(func() *windows.LazyDLL { return windows.NewLazySystemDLL("kernel32.dll") })
	attachConsole = sync.OnceValue(func() *windows.LazyProc { return kernel32().NewProc("AttachConsole") })
	freeConsole   = sync.OnceValue(func() *windows.LazyProc { return kernel32().NewProc("FreeConsole") })
)

// breakConsole sends Ctrl-Break to all processes at the console of this one.
// This process has no console of its own, so it goes there for the moment, and
// catches what it sends.
func breakConsole(pid int) error {
	if done, _, err := attachConsole().Call(uintptr(pid)); done == 0 {
		return err
	}
	err := windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, 0)
	if done, _, err2 := freeConsole().Call(); done == 0 && err == nil {
		err = err2
	}
	return err
}
