// Package schedule decides which of the waiting jobs start now and says of the
// others why they do not. It is a pure function of the queue and the machine:
// it looks at no clock and no file.
package schedule

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// Job is what counts of a waiting job.
type Job struct {
	Name     string // its own name, of which only one may run at a time
	Priority int
	Arrived  time.Time // when it was first seen
	Changed  int64     // for those seen first at the same time: when it changed, in ns
	NbProc   int       // at least 1 and at most Machine.Slots
	Wait     string    // why it may not start whatever is free, in words; empty: it may
}

// Machine is what the jobs are started on.
type Machine struct {
	Slots    int
	Used     int
	Jobs     int             // how many run
	Names    map[string]bool // own names of those that run, or that have ended and are not moved yet
	Blocking bool            // one job at a time
	Stop     string          // why nothing starts at all, in words; empty: it may
}

// Decision is about one job: it starts, or Reason says in words why not.
type Decision struct {
	Start  bool
	Reason string
}

// Compare orders jobs as they start: higher priority, earlier arrival, name.
func Compare(a, b Job) int {
	return cmp.Or(cmp.Compare(b.Priority, a.Priority), a.Arrived.Compare(b.Arrived), cmp.Compare(a.Changed, b.Changed), strings.Compare(a.Name, b.Name))
}

// Plan decides about the jobs of a queue that is in the order of Compare. As
// many start as fit; the first that does not fit waits, and nobody behind it
// overtakes it. A job that waits for something else holds back nobody.
func Plan(queue []Job, m Machine) []Decision {
	p := planner{Machine: m, names: make(map[string]bool, len(m.Names))}
	for name := range m.Names {
		p.names[name] = true
	}
	plan := make([]Decision, len(queue))
	for i, j := range queue {
		reason := p.reason(j)
		plan[i] = Decision{Start: reason == "", Reason: reason}
		if reason == "" {
			p.Used += j.NbProc
			p.Jobs++
			p.names[j.Name] = true
		}
	}
	return plan
}

type planner struct {
	Machine
	names map[string]bool // running, or about to
	head  string          // the reason of those behind the first that does not fit
}

// reason returns why the job can't start, or "".
func (p *planner) reason(j Job) string {
	switch {
	case j.Wait != "":
		return j.Wait
	case p.Stop != "":
		return p.Stop
	case p.names[j.Name]:
		return "a job of this name is running"
	case p.head != "":
		return p.head
	case p.Blocking && p.Jobs > 0:
		p.head = "one job runs at a time (launch_type = blocking)"
		return p.head
	case j.NbProc > p.Slots-p.Used:
		p.head = fmt.Sprintf("behind a job that needs %s", processors(j.NbProc))
		return fmt.Sprintf("needs %s and %d of %d are free", processors(j.NbProc), max(0, p.Slots-p.Used), p.Slots)
	}
	return ""
}

func processors(n int) string {
	if n == 1 {
		return "1 processor"
	}
	return fmt.Sprintf("%d processors", n)
}
