package disk

import (
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// namesKept are the file systems with which a file that is synced after it was
// named is on disk under that name, so that its folder needs no sync of its own: one
// flush of the disk less. fsync(2) does not promise that. ext4 commits the
// transaction that named it, as xfs does, or syncs the folders above a new file
// (ext4_sync_parent), also on an ext2. The old driver of ext2, which few kernels have,
// does not, and can't be told from it. btrfs logs a new name with its file, too, but
// may name a file whose bytes were written out and are not its own yet. A file of
// O_TMPFILE would be cheaper by a little, but ext4 with fast_commit forgets the name
// of such a one.
var namesKept = []int64{unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC}

// keepsName tells whether a sync of a file makes its name durable, too.
func keepsName(f *os.File) bool {
	var fs unix.Statfs_t
	return unix.Fstatfs(int(f.Fd()), &fs) == nil && slices.Contains(namesKept, fs.Type)
}

// writeOut has what was written given to the disk, which need not have it for good.
// A file that is named before may be empty after a power cut: the sync of another
// can make its name durable.
func writeOut(f *os.File) error {
	const all = unix.SYNC_FILE_RANGE_WAIT_BEFORE | unix.SYNC_FILE_RANGE_WRITE | unix.SYNC_FILE_RANGE_WAIT_AFTER
	return unix.SyncFileRange(int(f.Fd()), 0, 0, all)
}
