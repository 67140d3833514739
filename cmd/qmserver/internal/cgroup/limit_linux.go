package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Limit makes the group of a job below that of its supervisor: its processes can
// use so many bytes together, nothing of it in swap, or the kernel ends them all.
// An error means that the kernel does not do that here.
func Limit(supervisor string, bytes int64) (*Limited, error) {
	l := &Limited{path: filepath.Join(supervisor, "job")}
	err := os.Mkdir(l.path, 0o755)
	if err == nil {
		err = put(l.path, "memory.max", strconv.FormatInt(bytes, 10))
	}
	if err == nil {
		err = put(l.path, "memory.oom.group", "1")
	}
	if err == nil {
		err = put(l.path, "memory.swap.max", "0")
		if errors.Is(err, os.ErrNotExist) { // a kernel without swap
			err = nil
		}
	}
	if err == nil {
		l.dir, err = os.Open(l.path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("limit memory by control group: %w", err), l.Close())
	}
	return l, nil
}

// Put puts what is started with these attributes into the group, by clone3(2).
func (l *Limited) Put(sys *syscall.SysProcAttr) {
	if l != nil {
		sys.UseCgroupFD, sys.CgroupFD = true, int(l.dir.Fd())
	}
}

// Exceeded tells whether the kernel has ended a process of the job because it
// would have used more.
func (l *Limited) Exceeded() bool {
	if l == nil {
		return false
	}
	data, _ := os.ReadFile(filepath.Join(l.path, "memory.events"))
	_, after, _ := strings.Cut("\n"+string(data), "\noom_kill ")
	count, _, _ := strings.Cut(after, "\n")
	n, _ := strconv.Atoi(count)
	return n > 0
}

// Close removes the group: nothing is left in it.
func (l *Limited) Close() error {
	if l == nil {
		return nil
	}
	if l.dir != nil {
		_ = l.dir.Close()
	}
	return os.Remove(l.path)
}
