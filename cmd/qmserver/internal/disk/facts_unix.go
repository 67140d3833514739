//go:build unix

package disk

import (
	"io/fs"
	"os"
)

func detailsIn(_ *os.Root, _ string, info fs.FileInfo) Details { return detailsOf(info) }
