package supervise

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	waitAll    = unix.WALL // children by clone(2) without SIGCHLD too
	maxrssUnit = 1024      // getrusage(2): kilobytes
)

// becomeOwner makes this process the one to whom all descendants fall that
// lose their parent, and keeps inherited descriptors from the job.
func becomeOwner() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become subreaper: %w", err)
	}
	err := unix.CloseRange(RunFD, 1<<31-1, unix.CLOSE_RANGE_CLOEXEC)
	if err == nil {
		return nil
	}
	// Before Linux 5.11.
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return fmt.Errorf("keep descriptors from jobs: %w", err)
	}
	for _, e := range open {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd >= RunFD {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}

// sessionOfItsOwn also lets the first process die with its supervisor.
func sessionOfItsOwn() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
}

// groupEmpty: having no child means having no descendant, as a subreaper.
func (p *processes) groupEmpty() bool { return true }

// descendants returns the numbers of all that came of the job, parents first.
func (p *processes) descendants() []int {
	found := children("self")
	for i := 0; i < len(found); i++ {
		found = append(found, children(strconv.Itoa(found[i]))...)
	}
	return found
}

// children reads proc_pid_task(5).
func children(pid string) []int {
	lists, _ := filepath.Glob("/proc/" + pid + "/task/*/children")
	var all []int
	for _, list := range lists {
		data, _ := os.ReadFile(list) // gone in the meantime: has none
		for f := range strings.FieldsSeq(string(data)) {
			if n, err := strconv.Atoi(f); err == nil {
				all = append(all, n)
			}
		}
	}
	return all
}

// left names the processes that are left, for people.
func (p *processes) left() []string {
	var names []string
	for _, pid := range p.descendants() {
		comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		names = append(names, fmt.Sprintf("%q (%d)", strings.TrimSpace(string(comm)), pid))
	}
	return names
}
