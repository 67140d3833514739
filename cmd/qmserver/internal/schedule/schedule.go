package schedule

import (
	"cmp"
	"container/heap"
	"fmt"
	"maps"

	"github.com/dustin/go-humanize"
)

// Machine is what the jobs are started on.
type Machine struct {
	Slots    int
	Used     int
	GPUs     int
	GPUsUsed int
	Memory   int64           // bytes for the jobs that ask for some; 0: not limited
	Reserved int64           // of these
	Jobs     int             // how many run
	Names    map[string]bool // own names of those that run, or that have ended and are not moved yet
	Busy     map[string]int  // slots in use by owner; counts where the order is fair
	Blocking bool            // one job at a time
	Most     int             // so many jobs at a time, which Slurm runs: what it has free is its matter; 0: this machine runs them
	Stop     string          // why nothing starts at all, in words; empty: it may
}

// Decision is about one job: it starts, or Reason says in words why not.
type Decision[T Asker] struct {
	Job    T
	Start  bool
	Reason string
}

// Plan decides about the jobs of the queue, in the order in which they start:
// about all that start now, and about at least the first most of the others. As
// many start as fit; the first that does not fit waits, and nobody behind it
// overtakes it, but waiting for a GPU holds back only those that need one. A job
// that waits for something else holds back nobody, unless that is about to be
// over. Nothing is changed.
func (q *Queue[T]) Plan(m Machine, most int) []Decision[T] {
	p := planner{Machine: m, names: maps.Clone(m.Names), busy: maps.Clone(m.Busy)}
	if p.names == nil {
		p.names = make(map[string]bool)
	}
	if p.busy == nil {
		p.busy = make(map[string]int)
	}
	plan := make([]Decision[T], 0, min(q.count, most+m.Slots))
	for first := 0; first < len(q.lanes) && (!p.closed() || len(plan) < most); {
		end := first + 1
		for end < len(q.lanes) && q.lanes[end].priority == q.lanes[first].priority {
			end++
		}
		plan = planPriority(&p, plan, q.lanes[first:end], most)
		first = end
	}
	return plan
}

// planPriority decides about the jobs of one priority, whose lanes these are.
func planPriority[T Asker](p *planner, plan []Decision[T], lanes []*lane[T], most int) []Decision[T] {
	turns := make(turns[T], 0, len(lanes))
	for _, l := range lanes {
		turns = append(turns, &turn[T]{left: l.jobs(), busy: p.busy[l.owner], owner: l.owner})
	}
	heap.Init(&turns)
	for len(turns) > 0 && (!p.closed() || len(plan) < most) {
		t := turns[0]
		job := t.left[0]
		j := job.Asks()
		reason := p.reason(j)
		if reason == "" {
			p.take(j)
		}
		if reason == "" || len(plan) < most {
			plan = append(plan, Decision[T]{job, reason == "", reason})
		}
		if reason == "" || j.Wait == "" {
			t.busy += j.NbProc // the next of this owner's goes behind those of others
		}
		if t.left = t.left[1:]; len(t.left) == 0 {
			heap.Pop(&turns)
		} else {
			heap.Fix(&turns, 0)
		}
	}
	return plan
}

// turn is a lane at the time when its first job that is left is decided about.
type turn[T Asker] struct {
	left  []T
	busy  int // slots that its owner has, or would have by then
	owner string
}

// turns is a heap: first the lane whose owner has the fewest busy slots.
type turns[T Asker] []*turn[T]

func (t turns[T]) Len() int      { return len(t) }
func (t turns[T]) Swap(i, k int) { t[i], t[k] = t[k], t[i] }
func (t turns[T]) Less(i, k int) bool {
	return cmp.Or(cmp.Compare(t[i].busy, t[k].busy), Compare(t[i].left[0].Asks(), t[k].left[0].Asks())) < 0
}
func (t *turns[T]) Push(x any) { *t = append(*t, x.(*turn[T])) }
func (t *turns[T]) Pop() any {
	old := *t
	last := old[len(old)-1]
	*t = old[:len(old)-1]
	return last
}

type planner struct {
	Machine
	names map[string]bool // running, or about to
	busy  map[string]int
	head  string // the reason of those behind the first that does not fit
	gpus  bool   // one waits for a GPU, so all behind it that need one do
}

// closed tells that no job behind can start.
func (p *planner) closed() bool { return p.Stop != "" || p.head != "" }

// take lets a job start.
func (p *planner) take(j *Job) {
	p.Used += j.NbProc
	p.GPUsUsed += j.NbGPU
	p.Reserved += j.Memory
	p.Jobs++
	p.names[j.Name] = true
	p.busy[j.Owner] += j.NbProc
}

// reason returns why the job can't start, or "".
func (p *planner) reason(j *Job) string {
	switch {
	case j.Wait != "" && j.First && p.head == "" && p.Stop == "":
		p.head = "behind a job that is about to start"
		return j.Wait
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
	case p.Most > 0 && p.Jobs >= p.Most:
		p.head = withSlurm(p.Jobs)
		return p.head
	case p.Most > 0:
		return ""
	}
	return p.lack(j)
}

// lack returns what the job needs and the machine has not free, or "".
func (p *planner) lack(j *Job) string {
	if j.NbGPU > 0 && (p.gpus || j.NbGPU > p.GPUs-p.GPUsUsed) {
		if p.gpus {
			return "behind a job that needs a GPU"
		}
		p.gpus = true
		return fmt.Sprintf("needs %s and %d of %d are free", number(j.NbGPU, "GPU"), max(0, p.GPUs-p.GPUsUsed), p.GPUs)
	}
	if j.NbProc > p.Slots-p.Used {
		p.head = "behind a job that needs " + number(j.NbProc, "processor")
		return fmt.Sprintf("needs %s and %d of %d are free", number(j.NbProc, "processor"), max(0, p.Slots-p.Used), p.Slots)
	}
	if p.Memory > 0 && j.Memory > p.Memory-p.Reserved {
		p.head = fmt.Sprintf("behind a job that needs %s of memory", humanize.IBytes(uint64(j.Memory)))
		return fmt.Sprintf("needs %s of memory and %s of %s are free", humanize.IBytes(uint64(j.Memory)),
			humanize.IBytes(uint64(max(0, p.Memory-p.Reserved))), humanize.IBytes(uint64(p.Memory)))
	}
	return ""
}

func withSlurm(n int) string {
	are := "are"
	if n == 1 {
		are = "is"
	}
	return fmt.Sprintf("%s %s with Slurm (slurm_max_in_flight)", number(n, "job"), are)
}

func number(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
