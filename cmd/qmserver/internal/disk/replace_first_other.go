//go:build !linux

package disk

import (
	"errors"
	"io/fs"
	"os"
)

func placeFirst(*os.Root, string, []byte, fs.FileMode) error { return errors.ErrUnsupported }
