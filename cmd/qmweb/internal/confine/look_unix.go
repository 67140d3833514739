//go:build unix

package confine

import (
	"os"

	"golang.org/x/sys/unix"
)

func isRoot() bool { return os.Geteuid() == 0 }

// mayWrite asks the permissions; nothing is opened.
func mayWrite(path string) bool { return unix.Access(path, unix.W_OK) == nil }
