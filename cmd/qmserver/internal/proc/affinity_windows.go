package proc

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

// What x/sys/windows does not have of kernel32.
var (
	kernel32               = windows.NewLazySystemDLL("kernel32.dll")
	getProcessAffinityMask = kernel32.NewProc("GetProcessAffinityMask")
	setProcessAffinityMask = kernel32.NewProc("SetProcessAffinityMask")
)

// Pin lets this process, and the processes that it starts, run on these
// processors only, until unpin. With an error nothing has changed.
func Pin(cpus []int) (unpin func() error, err error) {
	var before, system, want uintptr
	done, _, err := getProcessAffinityMask.Call(uintptr(windows.CurrentProcess()), uintptr(unsafe.Pointer(&before)), uintptr(unsafe.Pointer(&system)))
	if done == 0 {
		return nil, fmt.Errorf("read affinity: %w", err)
	}
	for _, cpu := range cpus {
		want |= 1 << cpu
	}
	if err := setAffinity(want); err != nil {
		return nil, err
	}
	return func() error { return setAffinity(before) }, nil
}

// setAffinity refuses a mask of which the machine does not have all.
func setAffinity(mask uintptr) error {
	if done, _, err := setProcessAffinityMask.Call(uintptr(windows.CurrentProcess()), mask); done == 0 {
		return fmt.Errorf("set affinity: %w", err)
	}
	return nil
}
