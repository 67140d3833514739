package supervise

import (
	"fmt"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"qm/cmd/qmserver/internal/proc"
)

const (
	waitAll    = unix.WALL // children by clone(2) without SIGCHLD too
	maxrssUnit = 1024      // getrusage(2): kilobytes
)

// becomeSupervisor makes this process the one to whom all descendants fall that
// lose their parent, and keeps inherited descriptors from the job.
func becomeSupervisor() error {
	if err := proc.Adopt(); err != nil {
		return err
	}
	proc.CallMyself("qmserver") // and not exe
	if err := becomeUntraceable(); err != nil {
		return err
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

// becomeUntraceable: a process of the same user may neither trace us nor read
// our memory, nor take our descriptors.
func becomeUntraceable() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("become undumpable: %w", err)
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
func (p *processes) descendants() []int { return proc.Descendants(proc.Children()) }

// left names the processes that are left, for people.
func (p *processes) left() []string { return proc.Names(p.descendants()) }

// systemLimitsMemory tells whether the system itself holds any job to its memory:
// only where there are control groups, beside our own measure.
const systemLimitsMemory = false
