package disk

import "golang.org/x/sys/unix"

// IsFAT says whether the file system at path is FAT or exFAT: there a folder has
// no number of its own that lasts, and times are kept to 2 s.
func IsFAT(path string) bool {
	var st unix.Statfs_t
	if unix.Statfs(path, &st) != nil {
		return false
	}
	kind := unix.ByteSliceToString(st.Fstypename[:])
	return kind == "msdos" || kind == "exfat"
}
