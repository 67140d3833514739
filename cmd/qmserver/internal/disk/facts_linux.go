package disk

import (
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const statxMask = unix.STATX_BASIC_STATS | unix.STATX_BTIME

func lstat(path string) (Facts, error) {
	var st unix.Statx_t
	err := ignoreEINTR(func() error {
		return unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, statxMask, &st)
	})
	if err != nil {
		return Facts{}, &os.PathError{Op: "statx", Path: path, Err: err}
	}
	return factsOf(&st), nil
}

func identityOf(f *os.File) (Identity, error) {
	var st unix.Statx_t
	err := ignoreEINTR(func() error {
		return unix.Statx(int(f.Fd()), "", unix.AT_EMPTY_PATH, statxMask, &st)
	})
	if err != nil {
		return Identity{}, &os.PathError{Op: "statx", Path: f.Name(), Err: err}
	}
	return factsOf(&st).Identity, nil
}

func factsOf(st *unix.Statx_t) Facts {
	f := Facts{
		Identity: Identity{Inode: st.Ino},
		Dev:      unix.Mkdev(st.Dev_major, st.Dev_minor),
		Mode:     modeOf(st.Mode),
		UID:      int(st.Uid),
		Size:     int64(st.Size),
		Mtime:    nanos(st.Mtime),
		Ctime:    nanos(st.Ctime),
	}
	if st.Mask&unix.STATX_BTIME != 0 {
		f.Birth = nanos(st.Btime)
	}
	if st.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0 {
		f.MountRoot = st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0
	}
	return f
}

func nanos(t unix.StatxTimestamp) int64 { return t.Sec*1e9 + int64(t.Nsec) }

func modeOf(mode uint16) fs.FileMode {
	m := fs.FileMode(mode & 0o777)
	switch mode & unix.S_IFMT {
	case unix.S_IFDIR:
		m |= fs.ModeDir
	case unix.S_IFLNK:
		m |= fs.ModeSymlink
	case unix.S_IFREG:
	default:
		m |= fs.ModeIrregular
	}
	if mode&unix.S_ISVTX != 0 {
		m |= fs.ModeSticky
	}
	return m
}

func ignoreEINTR(f func() error) error {
	for {
		if err := f(); err != unix.EINTR { //nolint:errorlint // unix returns bare numbers
			return err
		}
	}
}

func detailsOf(info fs.FileInfo) Details {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return Details{Ctime: info.ModTime().UnixNano(), UID: -1}
	}
	links := uint64(st.Nlink) //nolint:unconvert // it has 32 bits on arm64
	return Details{Dev: st.Dev, Inode: st.Ino, Ctime: st.Ctim.Nano(), Blocks: st.Blocks, UID: int(st.Uid), Links: links}
}
