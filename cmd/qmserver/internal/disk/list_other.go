//go:build !linux

package disk

import (
	"io/fs"
	"os"
)

func list(path string, each func(name []byte, inode uint64, kind fs.FileMode)) error {
	entries, err := os.ReadDir(path)
	for _, e := range entries {
		each([]byte(e.Name()), 0, e.Type())
	}
	return err
}
