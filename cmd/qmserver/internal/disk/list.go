package disk

import "io/fs"

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
