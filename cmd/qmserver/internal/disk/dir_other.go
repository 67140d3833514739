//go:build !linux

package disk

import (
	"os"
	"path/filepath"
)

func lstatIn(dir *os.File, rel string) (Facts, error) { return lstat(filepath.Join(dir.Name(), rel)) }
