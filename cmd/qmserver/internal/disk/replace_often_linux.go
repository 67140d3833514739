package disk

import (
	"errors"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

var errNotOurs = errors.New("not a file of our own alone")

func rewrite(dir *os.Root, name string, data []byte, perm fs.FileMode) error {
	parent, err := dir.OpenFile(path.Dir(name), os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer parent.Close()
	at, name := int(parent.Fd()), path.Base(name)
	temp := name + tempSuffix
	fd, err := unix.Openat(at, temp, unix.O_WRONLY|unix.O_CREAT|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, uint32(perm.Perm()))
	if err != nil {
		return err
	}
	err = writeOver(fd, data, perm)
	if err = errors.Join(err, unix.Close(fd)); err != nil {
		return err
	}
	return unix.Renameat2(at, temp, at, name, unix.RENAME_EXCHANGE)
}

func writeOver(fd int, data []byte, perm fs.FileMode) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	// A backup made of links has it too, or another made it.
	if st.Mode&(unix.S_IFMT|0o777) != unix.S_IFREG|uint32(perm.Perm()) || st.Nlink != 1 || int(st.Uid) != os.Geteuid() {
		return errNotOurs
	}
	for rest := data; len(rest) > 0; {
		n, err := unix.Pwrite(fd, rest, int64(len(data)-len(rest)))
		if err != nil {
			return err
		}
		rest = rest[n:]
	}
	if st.Size > int64(len(data)) {
		return unix.Ftruncate(fd, int64(len(data)))
	}
	return nil
}
