package disk

import "golang.org/x/sys/unix"

// IsRemote says whether the file system at path is another machine's, perhaps.
func IsRemote(path string) bool {
	var st unix.Statfs_t
	return unix.Statfs(path, &st) != nil || st.Flags&unix.MNT_LOCAL == 0
}
