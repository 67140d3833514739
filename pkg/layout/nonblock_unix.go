//go:build unix

package layout

import "syscall"

// NonBlock keeps an open from waiting for the other end of a FIFO.
const NonBlock = syscall.O_NONBLOCK
