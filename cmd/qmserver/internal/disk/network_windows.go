package disk

import (
	"path/filepath"

	"golang.org/x/sys/windows"
)

// IsRemote says whether the file system at path is another machine's, perhaps.
func IsRemote(path string) bool {
	volume, err := windows.UTF16PtrFromString(filepath.VolumeName(path) + `\`)
	if err != nil {
		return true
	}
	switch windows.GetDriveType(volume) {
	case windows.DRIVE_FIXED, windows.DRIVE_REMOVABLE, windows.DRIVE_RAMDISK:
		return false
	}
	return true
}
