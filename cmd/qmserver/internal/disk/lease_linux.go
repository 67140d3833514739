package disk

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// openForWriting asks for a read lease, which the kernel refuses with EAGAIN
// as long as any process of this machine, smbd too, has the file open for
// writing or mapped so; see F_SETLEASE in fcntl(2).
func openForWriting(f *os.File) bool {
	_, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_RDLCK)
	if err == nil {
		_, _ = unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_UNLCK)
	}
	return errors.Is(err, unix.EAGAIN)
}
