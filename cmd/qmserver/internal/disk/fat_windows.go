package disk

import (
	"strings"

	"golang.org/x/sys/windows"
)

// IsFAT says whether the file system at path is FAT or exFAT: there a folder has
// no number of its own that lasts, and times are kept to 2 s.
func IsFAT(path string) bool {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return false
	}
	var root, kind [windows.MAX_PATH + 1]uint16
	if windows.GetVolumePathName(name, &root[0], uint32(len(root))) != nil {
		return false
	}
	if windows.GetVolumeInformation(&root[0], nil, 0, nil, nil, nil, &kind[0], uint32(len(kind))) != nil {
		return false
	}
	return strings.Contains(windows.UTF16ToString(kind[:]), "FAT")
}
