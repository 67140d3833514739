package disk

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// LocksKeepOut says whether, in the file system at path, a child can't write to a
// file that its parent has locked and left to it: CIFS asks the server for each
// lock, by process, unless it is mounted with nobrl; see mount.cifs(8).
func LocksKeepOut(path string) bool {
	facts, err := lstat(path)
	if err != nil {
		return false
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return false
	}
	return isCIFSWithLocks(string(mounts), fmt.Sprintf("%d:%d", unix.Major(facts.Dev), unix.Minor(facts.Dev)))
}

// isCIFSWithLocks looks for a device in a mountinfo file; see
// proc_pid_mountinfo(5).
func isCIFSWithLocks(mounts, device string) bool {
	for line := range strings.Lines(mounts) {
		mount, source, _ := strings.Cut(line, " - ")
		of, kind := strings.Fields(mount), strings.Fields(source)
		if len(of) < 3 || len(kind) < 3 || of[2] != device {
			continue
		}
		return (kind[0] == "cifs" || kind[0] == "smb3") && !strings.Contains(","+kind[2]+",", ",nobrl,")
	}
	return false
}
