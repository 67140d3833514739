//go:build unix

package disk

import "syscall"

var noRoom = []error{syscall.EDQUOT, syscall.EIO}
