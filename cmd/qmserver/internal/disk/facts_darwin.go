package disk

import (
	"io/fs"
	"os"
	"syscall"
)

func lstat(path string) (Facts, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return Facts{}, err
	}
	return factsOf(info), nil
}

func identityOf(f *os.File) (Identity, error) {
	info, err := f.Stat()
	if err != nil {
		return Identity{}, err
	}
	return factsOf(info).Identity, nil
}

func factsOf(info fs.FileInfo) Facts {
	f := Facts{Mode: info.Mode(), UID: -1, Size: info.Size(), Mtime: info.ModTime().UnixNano(), Ctime: info.ModTime().UnixNano()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		f.Identity = Identity{Inode: st.Ino, Birth: st.Birthtimespec.Nano()}
		f.Dev = uint64(st.Dev)
		f.UID = int(st.Uid)
		f.Ctime = st.Ctimespec.Nano()
	}
	return f
}

func detailsOf(info fs.FileInfo) Details {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return Details{Ctime: info.ModTime().UnixNano(), UID: -1}
	}
	return Details{Dev: uint64(st.Dev), Inode: st.Ino, Ctime: st.Ctimespec.Nano(), Blocks: st.Blocks, UID: int(st.Uid), Links: uint64(st.Nlink), Busy: isFinders(st.Birthtimespec.Sec)}
}

// What Finder gives to what it still copies for a time of birth, in s since
// 1970: kMagicBusyCreationDate of Finder.h (14 February 1946), or, since later,
// the day of the first Macintosh (24 January 1984), by the local time.
const (
	finderBusy = 0x4F3AFDB0 - 2082844800
	finderDay  = 443750400
	day        = 24 * 60 * 60
)

func isFinders(birth int64) bool {
	return birth == finderBusy || birth >= finderDay-day/2 && birth < finderDay+3*day/2
}
