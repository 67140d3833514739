package disk

import (
	"os"

	"golang.org/x/sys/unix"
)

// syncData makes what was written to f durable, and its times only if they
// are needed to find it: fdatasync(2).
func syncData(f *os.File) error {
	err := ignoreEINTR(func() error { return unix.Fdatasync(int(f.Fd())) })
	if err != nil {
		return &os.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
	}
	return nil
}
