// Package schedule decides which of the waiting jobs start now and says of the
// others why they do not. What it decides depends on the queue and the machine
// alone: it looks at no clock and no file.
package schedule

import (
	"cmp"
	"slices"
	"strings"
)

// Job is what counts of a waiting job. Priority, Owner, Arrived, Changed and
// Name decide its place: they may only change while it is in no queue.
type Job struct {
	Name     string // its own name, of which only one may run at a time
	Priority int
	Owner    string // counts where the order is fair
	Arrived  int64  // when it was first seen, in ns
	Changed  int64  // for those seen first at the same time: when it changed, in ns

	NbProc int    // at least 1, and at most Machine.Slots where this machine runs it
	NbGPU  int    // likewise at most Machine.GPUs
	Memory int64  // bytes that are kept for it; at most Machine.Memory, if that is limited
	Wait   string // why it may not start whatever is free, in words; empty: it may
	First  bool   // with Wait: that is about to be over, so nobody behind it starts before
}

// Asker is something that asks to be run.
type Asker interface {
	comparable
	Asks() *Job
}

// Compare orders jobs of one priority and owner: earlier arrival, name.
func Compare(a, b *Job) int {
	return cmp.Or(cmp.Compare(a.Arrived, b.Arrived), cmp.Compare(a.Changed, b.Changed), strings.Compare(a.Name, b.Name))
}

// Queue holds the waiting jobs in the order in which they start. To add or
// remove one near either end of its lane costs the same in a queue of any size,
// but for one that is added at the front of a lane from which nothing was removed.
type Queue[T Asker] struct {
	// Fair: within a priority, the owner with the fewest busy slots goes first.
	// It is set before the first job is added.
	Fair  bool
	lanes []*lane[T] // by priority, highest first, and owner
	count int
}

// lane holds the jobs of one priority, where the order is fair of one owner, by
// Compare.
type lane[T Asker] struct {
	priority int
	owner    string
	array    []T
	head     int // where the jobs begin in it: there is room before
}

func (l *lane[T]) jobs() []T { return l.array[l.head:] }

// Len returns how many jobs wait.
func (q *Queue[T]) Len() int { return q.count }

// Add puts a job into its place.
func (q *Queue[T]) Add(job T) {
	j := job.Asks()
	at, there := q.find(j)
	if !there {
		l := &lane[T]{priority: j.Priority}
		if q.Fair {
			l.owner = j.Owner
		}
		q.lanes = slices.Insert(q.lanes, at, l)
	}
	l := q.lanes[at]
	q.count++
	jobs := l.jobs()
	if last := len(jobs) - 1; last < 0 || Compare(jobs[last].Asks(), j) <= 0 {
		l.insert(len(jobs), job) // mostly
		return
	}
	i, _ := l.find(j)
	l.insert(i, job)
}

// Remove takes a job out and tells whether it was in.
func (q *Queue[T]) Remove(job T) bool {
	j := job.Asks()
	at, there := q.find(j)
	if !there {
		return false
	}
	l := q.lanes[at]
	jobs := l.jobs()
	for i, _ := l.find(j); i < len(jobs) && Compare(jobs[i].Asks(), j) == 0; i++ {
		if jobs[i] == job {
			l.remove(i)
			q.count--
			if len(jobs) == 1 {
				q.lanes = slices.Delete(q.lanes, at, at+1)
			}
			return true
		}
	}
	return false
}

func (q *Queue[T]) find(j *Job) (int, bool) {
	return slices.BinarySearchFunc(q.lanes, j, func(l *lane[T], j *Job) int {
		if c := cmp.Compare(j.Priority, l.priority); c != 0 || !q.Fair {
			return c
		}
		return strings.Compare(l.owner, j.Owner)
	})
}

func (l *lane[T]) find(j *Job) (int, bool) {
	return slices.BinarySearchFunc(l.jobs(), j, func(other T, j *Job) int { return Compare(other.Asks(), j) })
}

// insert makes the gap towards the nearer end, if there is room.
func (l *lane[T]) insert(i int, job T) {
	n := len(l.array) - l.head
	if l.head > 0 && i < n/2 {
		l.head--
		copy(l.array[l.head:], l.array[l.head+1:l.head+1+i])
		l.array[l.head+i] = job
		return
	}
	if len(l.array) == cap(l.array) && l.head > n { // it need not grow
		copy(l.array, l.jobs())
		clear(l.array[n:])
		l.array, l.head = l.array[:n], 0
	}
	l.array = slices.Insert(l.array, l.head+i, job)
}

// remove closes the gap from the nearer end.
func (l *lane[T]) remove(i int) {
	if n := len(l.array) - l.head; i >= n/2 {
		l.array = slices.Delete(l.array, l.head+i, l.head+i+1)
		return
	}
	copy(l.array[l.head+1:], l.array[l.head:l.head+i])
	clear(l.array[l.head : l.head+1])
	l.head++
}
