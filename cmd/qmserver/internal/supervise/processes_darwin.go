package supervise

import (
	"syscall"

	"qm/cmd/qmserver/internal/proc"
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

// groupEmpty: without a subreaper we are told of no grandchild's end.
func (p *processes) groupEmpty() bool { return len(p.descendants()) == 0 }

// descendants returns the numbers of all that are known to have come of the job:
// by parent, group, session, or QM_RUN in their environment.
func (p *processes) descendants() []int { return proc.OfSession(p.pid, "QM_RUN", p.run) }

// left names the processes that are left, for people.
func (p *processes) left() []string { return proc.Names(p.descendants()) }

// systemLimitsMemory tells whether the system itself holds any job to its memory:
// nothing here does.
const systemLimitsMemory = false
