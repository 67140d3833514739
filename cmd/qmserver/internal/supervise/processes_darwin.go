package supervise

import (
	"errors"
	"fmt"
	"syscall"
)

const (
	waitAll    = 0
	maxrssUnit = 1 // getrusage(2): bytes
)

// becomeSupervisor does nothing: there is no subreaper here, and Go opens all
// descriptors close-on-exec.
func becomeSupervisor() error { return nil }

func becomeUntraceable() error { return nil }

func sessionOfItsOwn() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// groupEmpty: without a subreaper the group of the first process stands for
// all descendants.
func (p *processes) groupEmpty() bool { return errors.Is(syscall.Kill(-p.pid, 0), syscall.ESRCH) }

// descendants: the group is all that is known; its leader's number stays taken
// while it has members.
func (p *processes) descendants() []int { return []int{-p.pid} }

func (p *processes) left() []string { return []string{fmt.Sprintf("process group %d", p.pid)} }

// systemLimitsMemory tells whether the system itself holds any job to its memory:
// nothing here does.
const systemLimitsMemory = false
