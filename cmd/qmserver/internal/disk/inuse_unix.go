//go:build unix

package disk

import "syscall"

var inUse = []error{syscall.EBUSY, syscall.ETXTBSY}
