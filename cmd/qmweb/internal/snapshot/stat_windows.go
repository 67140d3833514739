package snapshot

import (
	"io/fs"
	"syscall"
)

// factsOf takes the time of creation for the identity: a rename keeps it, and
// hardly two folders are made in the same 100 ns.
func factsOf(info fs.FileInfo) facts {
	f := facts{changed: nano(info.ModTime()), uid: -1}
	if d, ok := info.Sys().(*syscall.Win32FileAttributeData); ok {
		f.id.ino = uint64(d.CreationTime.Nanoseconds())
	}
	return f
}
