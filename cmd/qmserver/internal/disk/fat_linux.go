package disk

import "golang.org/x/sys/unix"

// IsFAT says whether the file system at path is FAT or exFAT: there a folder has
// no number of its own that lasts, and times are kept to 2 s.
func IsFAT(path string) bool {
	var st unix.Statfs_t
	if err := ignoreEINTR(func() error { return unix.Statfs(path, &st) }); err != nil {
		return false
	}
	kind := st.Type & 0xffffffff
	return kind == unix.MSDOS_SUPER_MAGIC || kind == unix.EXFAT_SUPER_MAGIC
}
