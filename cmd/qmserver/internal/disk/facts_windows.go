package disk

import (
	"io/fs"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/windows"
)

// lstat opens what lies there for its attributes alone, which no other
// program's open keeps us from, nor ours another's.
func lstat(path string) (Facts, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return Facts{}, err
	}
	h, err := openAttributes(path)
	if err != nil {
		return Facts{}, err
	}
	defer windows.CloseHandle(h) //nolint:errcheck // it was only looked at
	id, dev, err := identify(h)
	if err != nil {
		return Facts{}, &os.PathError{Op: "GetFileInformationByHandle", Path: path, Err: err}
	}
	mtime := info.ModTime().UnixNano()
	return Facts{
		Identity: id, Dev: dev, Mode: info.Mode(), UID: -1,
		Size: info.Size(), Mtime: mtime, Ctime: changeTime(h, mtime),
	}, nil
}

func identityOf(f *os.File) (Identity, error) {
	id, _, err := identify(windows.Handle(f.Fd()))
	if err != nil {
		return Identity{}, &os.PathError{Op: "GetFileInformationByHandle", Path: f.Name(), Err: err}
	}
	return id, nil
}

// identify returns who an open folder or file is, and the serial number of its
// volume. A file index of NTFS has a count of its uses in it, so it is enough.
// The time of birth would be too much: programs that copy or unpack set it.
func identify(h windows.Handle) (Identity, uint64, error) {
	var fi windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(h, &fi); err != nil {
		return Identity{}, 0, err
	}
	return Identity{Inode: uint64(fi.FileIndexHigh)<<32 | uint64(fi.FileIndexLow)}, uint64(fi.VolumeSerialNumber), nil
}

// basicInfo is FILE_BASIC_INFO; the times are in units of 100 ns since 1601.
type basicInfo struct {
	creation, access, write, change int64
	attributes                      uint32
}

// changeTime is what ctime is elsewhere, and what Explorer does not set back.
func changeTime(h windows.Handle, otherwise int64) int64 {
	var b basicInfo
	err := windows.GetFileInformationByHandleEx(h, windows.FileBasicInfo, (*byte)(unsafe.Pointer(&b)), uint32(unsafe.Sizeof(b)))
	if err != nil || b.change == 0 {
		return otherwise
	}
	ft := windows.Filetime{LowDateTime: uint32(b.change), HighDateTime: uint32(b.change >> 32)}
	return ft.Nanoseconds()
}

func openAttributes(path string) (windows.Handle, error) {
	name, err := windows.UTF16PtrFromString(extended(path))
	if err != nil {
		return 0, err
	}
	const shared = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	h, err := windows.CreateFile(name, windows.FILE_READ_ATTRIBUTES, shared, nil, windows.OPEN_EXISTING,
		windows.FILE_FLAG_BACKUP_SEMANTICS|windows.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if err != nil {
		return 0, &os.PathError{Op: "CreateFile", Path: path, Err: err}
	}
	return h, nil
}

// extended is a path as system calls take it that is longer than 260
// characters, or ends in a dot or a blank.
func extended(path string) string {
	switch {
	case !filepath.IsAbs(path) || len(path) > 3 && path[:4] == `\\?\`:
		return path
	case path[:2] == `\\`:
		return `\\?\UNC` + filepath.Clean(path)[1:]
	}
	return `\\?\` + filepath.Clean(path)
}

func detailsOf(info fs.FileInfo) Details { return Details{Ctime: info.ModTime().UnixNano(), UID: -1} }

func detailsIn(dir *os.Root, name string, info fs.FileInfo) Details {
	d := detailsOf(info)
	h, err := openAttributes(filepath.Join(dir.Name(), name))
	if err != nil {
		return d // it was taken away meanwhile
	}
	defer windows.CloseHandle(h) //nolint:errcheck // it was only looked at
	if id, dev, err := identify(h); err == nil {
		d.Inode, d.Dev = id.Inode, dev
	}
	d.Ctime = changeTime(h, d.Ctime)
	return d
}
