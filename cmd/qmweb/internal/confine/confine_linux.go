package confine

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/landlock-lsm/go-landlock/landlock"
	ll "github.com/landlock-lsm/go-landlock/landlock/syscall"
)

// ErrNoLandlock says that this kernel can't confine a process.
var ErrNoLandlock = errors.New("this kernel has no Landlock, or it is not switched on")

// What the process needs to name the owners of folders, and to tell of itself.
var (
	accountFiles   = []string{"/etc/passwd", "/etc/group", "/etc/nsswitch.conf", "/etc/ld.so.cache"}
	accountFolders = []string{"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/var/lib/sss", "/proc/self"}
)

// Confine lets this process, from now on and for good, only read, and of the
// disk only the folders that it returns: the one in which the tree lies (so that
// the tree may be mounted or made anew), those of the files, and what it takes to
// name accounts. It opens no connection of its own any more. On a kernel that
// has no Landlock it does nothing: ErrNoLandlock.
func Confine(tree string, files ...string) (version int, folders []string, err error) {
	version, err = ll.LandlockGetABIVersion()
	if err != nil || version < 1 {
		return 0, nil, ErrNoLandlock
	}
	_, _ = time.Now().Zone() // reads the time zone while it may
	rules := []landlock.Rule{
		landlock.ROFiles(accountFiles...).IgnoreIfMissing(),
		landlock.RODirs(accountFolders...).IgnoreIfMissing(),
	}
	for _, folder := range readable(tree, files) {
		path, err := filepath.Abs(folder)
		if err == nil {
			path, err = filepath.EvalSymlinks(path)
		}
		if err != nil {
			return 0, nil, fmt.Errorf("confine to %s: %w", folder, err)
		}
		folders = append(folders, path)
	}
	slices.Sort(folders)
	folders = slices.Compact(folders)
	rules = append(rules, landlock.RODirs(folders...))
	if err := landlock.V11.BestEffort().Restrict(rules...); err != nil {
		return 0, nil, fmt.Errorf("confine: %w", err)
	}
	return version, folders, nil
}
