package disk

import "golang.org/x/sys/unix"

// remote are the file systems that other machines change without telling us;
// the numbers are those of statfs(2).
var remote = map[int64]bool{
	unix.NFS_SUPER_MAGIC:  true,
	unix.SMB_SUPER_MAGIC:  true,
	unix.SMB2_SUPER_MAGIC: true,
	unix.CIFS_SUPER_MAGIC: true,
	unix.FUSE_SUPER_MAGIC: true,
	unix.AFS_SUPER_MAGIC:  true,
	unix.CEPH_SUPER_MAGIC: true,
	unix.V9FS_MAGIC:       true,
	unix.CODA_SUPER_MAGIC: true,
	0x47504653:            true, // GPFS
	0x0bd00bd0:            true, // Lustre
}

// TellsEvents says whether changes of the file system at path are told by
// inotify(7): on network file systems those of other machines are not.
func TellsEvents(path string) bool {
	var st unix.Statfs_t
	if err := ignoreEINTR(func() error { return unix.Statfs(path, &st) }); err != nil {
		return false
	}
	return !remote[st.Type&0xffffffff]
}

// IsRemote says whether the file system at path is another machine's, perhaps.
func IsRemote(path string) bool { return !TellsEvents(path) }
