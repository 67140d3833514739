package proc

import (
	"bufio"
	"bytes"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// DropPages gives back the memory that this process has of its program's file,
// which it does not change: what is needed again comes from the page cache. Most
// of it only the start has needed. See MADV_DONTNEED in madvise(2). What has been
// changed, and made read-only after that, would be lost: the loader does so with
// the addresses in a position-independent program.
func DropPages() {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return
	}
	defer maps.Close()
	var from, to uintptr
	ours := false
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		line := lines.Bytes()
		if name, _, _ := bytes.Cut(line, []byte(" ")); !bytes.HasSuffix(name, []byte(":")) {
			var may string
			_, err := fmt.Sscanf(string(line), "%x-%x %s", &from, &to, &may)
			ours = err == nil && (may == "r--p" || may == "r-xp") && bytes.HasSuffix(line, []byte(" "+program))
			continue
		}
		if ours && isUnchanged(line) {
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED) // else it stays as it is
		}
	}
}

// isUnchanged tells whether a line of smaps says that all of its mapping is as in
// the file; see proc_pid_smaps(5).
func isUnchanged(line []byte) bool {
	size, found := bytes.CutPrefix(line, []byte("Anonymous:"))
	return found && string(bytes.TrimSpace(size)) == "0 kB"
}
