package disk

import (
	"io/fs"
	"path/filepath"
)

// UnknownKind is the kind of an entry of which a file system's listing does
// not tell what it is.
const UnknownKind = fs.ModeType

// List tells of each entry of the folder at path, without a look at it: its
// name, which is only valid during the call, its inode number, 0 where listings
// do not tell it, and its type bits. An entry that is renamed meanwhile may be
// told of twice, or not at all; see readdir(3p).
func List(path string, each func(name []byte, inode uint64, kind fs.FileMode)) error {
	return list(path, each)
}

// NameOf returns the name that the folder id has in the folder at path, or ""
// if it does not lie there.
func NameOf(path string, id Identity) string {
	found := ""
	_ = List(path, func(name []byte, inode uint64, kind fs.FileMode) {
		if found != "" || inode != 0 && inode != id.Inode || kind != fs.ModeDir && kind != UnknownKind {
			return
		}
		if f, err := Lstat(filepath.Join(path, string(name))); err == nil && f.Identity == id {
			found = string(name)
		}
	})
	return found
}
