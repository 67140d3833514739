package disk

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// direntName is where the name begins in a struct linux_dirent64; see
// getdents64(2).
const direntName = 19

func list(path string, each func(name []byte, inode uint64, kind fs.FileMode)) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := unix.Getdents(int(d.Fd()), buf)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return &os.PathError{Op: "getdents64", Path: path, Err: err}
		case n == 0:
			return nil
		}
		for left := buf[:n]; len(left) > direntName; {
			size := int(binary.NativeEndian.Uint16(left[16:]))
			name, _, _ := bytes.Cut(left[direntName:size], []byte{0})
			if string(name) != "." && string(name) != ".." {
				each(name, binary.NativeEndian.Uint64(left), kindOf(left[18]))
			}
			left = left[size:]
		}
	}
}

func kindOf(dtype byte) fs.FileMode {
	switch dtype {
	case unix.DT_DIR:
		return fs.ModeDir
	case unix.DT_REG:
		return 0
	case unix.DT_LNK:
		return fs.ModeSymlink
	case unix.DT_UNKNOWN:
		return UnknownKind
	}
	return fs.ModeIrregular
}
