package spool

import (
	"container/heap"
	"time"
)

// due holds the jobs whose folders are to be read, by when. One may stand in it
// more than once: what its reading says counts.
type due []dueJob

type dueJob struct {
	at time.Time
	*job
}

func (d *due) add(at time.Time, j *job) { heap.Push(d, dueJob{at, j}) }

// first returns when the first is due, or zero.
func (d *due) first() time.Time {
	for len(*d) > 0 {
		if f := (*d)[0]; f.valid() {
			return f.at
		}
		heap.Pop(d)
	}
	return time.Time{}
}

// next takes out the first that is due by now, or returns nil.
func (d *due) next(now time.Time) *job {
	if at := d.first(); at.IsZero() || now.Before(at) {
		return nil
	}
	return heap.Pop(d).(dueJob).job
}

func (f dueJob) valid() bool {
	return f.phase.queued() && f.reading != nil && !f.underWay && f.due.Equal(f.at)
}

func (d due) Len() int      { return len(d) }
func (d due) Swap(i, k int) { d[i], d[k] = d[k], d[i] }
func (d due) Less(i, k int) bool {
	return d[i].at.Before(d[k].at) || d[i].at.Equal(d[k].at) && byArrival(d[i].job, d[k].job) < 0
}
func (d *due) Push(x any) { *d = append(*d, x.(dueJob)) }
func (d *due) Pop() any {
	old := *d
	last := old[len(old)-1]
	old[len(old)-1] = dueJob{}
	*d = old[:len(old)-1]
	return last
}
