package disk

import (
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

func lstat(path string) (Facts, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return Facts{}, err
	}
	f := Facts{Mode: info.Mode(), UID: -1, Size: info.Size(), Mtime: info.ModTime().UnixNano(), Ctime: info.ModTime().UnixNano()}
	if !info.IsDir() {
		return f, nil
	}
	dir, err := os.Open(path)
	if err != nil {
		return Facts{}, err
	}
	defer dir.Close()
	f.Identity, err = identityOf(dir)
	return f, err
}

func identityOf(f *os.File) (Identity, error) {
	var fi windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(windows.Handle(f.Fd()), &fi); err != nil {
		return Identity{}, &os.PathError{Op: "GetFileInformationByHandle", Path: f.Name(), Err: err}
	}
	return Identity{
		Inode: uint64(fi.FileIndexHigh)<<32 | uint64(fi.FileIndexLow),
		Birth: fi.CreationTime.Nanoseconds(),
	}, nil
}

func detailsOf(info fs.FileInfo) Details { return Details{Ctime: info.ModTime().UnixNano(), UID: -1} }
