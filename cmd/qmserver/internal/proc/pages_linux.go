package proc

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// DropPages gives back the memory that this process has of its program's file,
// which it does not change: what is needed again comes from the page cache. Most
// of it only the start has needed. See MADV_DONTNEED in madvise(2).
func DropPages() {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer maps.Close()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		var from, to uintptr
		var may string
		_, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &from, &to, &may)
		if err == nil && (may == "r--p" || may == "r-xp") && strings.HasSuffix(lines.Text(), " "+program) {
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED) // else it stays as it is
		}
	}
}
