// Package disk holds the few file operations that everything durable in
// qmserver is made of: who a folder is, moving it, replacing a file, appending
// to one, locks. Nothing else in QM renames, and nothing in here knows what a
// job is. The functions may be called concurrently.
package disk

import (
	"errors"
	"io/fs"
	"os"
)

// Identity is who a folder is, whatever it is called: an inode number is used
// again after its folder is gone, with the time of birth it is not.
type Identity struct {
	Inode uint64 `json:"inode"`
	Birth int64  `json:"birth"` // ns since 1970; 0 where the file system keeps none
}

// Facts are what a look at a folder or file from outside tells of it.
type Facts struct {
	Identity
	Dev       uint64
	Mode      fs.FileMode
	UID       int // -1 where there is none
	Size      int64
	Mtime     int64 // ns since 1970
	Ctime     int64 // ns since 1970; Mtime where there is none
	MountRoot bool  // another file system is mounted there
}

// Details are the parts of a file's status that fs.FileInfo does not give.
type Details struct {
	Dev    uint64
	Inode  uint64
	Ctime  int64 // ns since 1970; the modification time where there is none
	Blocks int64
	UID    int    // -1 where there is none
	Links  uint64 // names that the file has; 0 where that is not told
	Busy   bool   // Finder says by its birth time that it still copies it
}

// Move's errors, beside those of the file system.
var (
	ErrTaken   = errors.New("the name is taken")
	ErrChanged = errors.New("another folder has its place")
)

// ErrHeld says that another process holds the lock.
var ErrHeld = errors.New("held by another process")

// IdentityOf returns who an open folder is.
func IdentityOf(f *os.File) (Identity, error) { return identityOf(f) }

// Lstat looks at what lies at path, following no link.
func Lstat(path string) (Facts, error) { return lstat(path) }

// DetailsOf returns what the system says beyond info.
func DetailsOf(info fs.FileInfo) Details { return detailsOf(info) }

// DetailsIn is DetailsOf what info tells of under that name in dir, which is
// looked at once more where info alone does not tell enough (Windows).
func DetailsIn(dir *os.Root, name string, info fs.FileInfo) Details {
	return detailsIn(dir, name, info)
}
