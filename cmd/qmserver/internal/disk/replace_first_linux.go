package disk

import (
	"os"
	"path"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"qm/cmd/qmserver/internal/probe"
)

// keepsNames are the file systems with which a new file that is synced is on disk
// under its name, so that its folder needs no sync of its own: one flush of the
// disk less. fsync(2) does not promise that. ext4 syncs the new folders above a new
// file (ext4_sync_parent) or commits the transaction that named it, as xfs does;
// btrfs logs a new name with its file.
var keepsNames = []int64{unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC}

// placeFirst is a durable Replace where nothing lies under the name yet: the file
// is written without a name and gets it at once, see O_TMPFILE in open(2). Any
// error says that Replace is to do it in its own way.
func placeFirst(dir *os.Root, name string, data []byte, perm os.FileMode) error {
	parent, err := dir.OpenFile(path.Dir(name), os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	defer parent.Close()
	at := int(parent.Fd())
	fd, err := unix.Openat(at, ".", unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, uint32(perm.Perm()))
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	probe.Step("replace")
	if _, err := f.Write(data); err != nil {
		return err
	}
	probe.Step("replace: written")
	if err := unix.Linkat(unix.AT_FDCWD, "/proc/self/fd/"+strconv.Itoa(fd), at, path.Base(name), unix.AT_SYMLINK_FOLLOW); err != nil {
		return err
	}
	probe.Step("replace: linked")
	if err := f.Sync(); err != nil {
		return err
	}
	probe.Step("replace: synced")
	return syncName(parent)
}

// syncName makes the name durable of a new file in a folder that was synced.
func syncName(parent *os.File) error {
	var fs unix.Statfs_t
	if unix.Fstatfs(int(parent.Fd()), &fs) == nil && slices.Contains(keepsNames, fs.Type) {
		return nil
	}
	err := syncOpenDir(parent)
	probe.Step("replace: folder synced")
	return err
}
