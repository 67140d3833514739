package spool

import (
	"slices"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/schedule"
)

// jobs are all that the spool knows, by who they are and by how far they have
// come: what is done at each event must not cost more with a longer queue.
type jobs struct {
	all   map[disk.Identity]*job
	by    [over + 1]map[disk.Identity]*job
	late  map[disk.Identity]*job // those with a move that is tried again
	queue []*job                 // the waiting ones, in the order in which they start
}

func newJobs() jobs {
	js := jobs{all: make(map[disk.Identity]*job), late: make(map[disk.Identity]*job)}
	for p := range js.by {
		js.by[p] = make(map[disk.Identity]*job)
	}
	return js
}

// add takes a job in, in the phase that it has.
func (js *jobs) add(j *job) {
	js.all[j.Identity] = j
	js.by[j.phase][j.Identity] = j
	if j.phase == waiting {
		js.line(j)
	}
}

// remove forgets a job.
func (js *jobs) remove(j *job) {
	js.leave(j)
	delete(js.all, j.Identity)
	delete(js.late, j.Identity)
}

// enter moves a job on to a phase.
func (js *jobs) enter(j *job, p phase) {
	js.leave(j)
	j.phase = p
	js.add(j)
}

func (js *jobs) leave(j *job) {
	delete(js.by[j.phase], j.Identity)
	if j.phase == waiting {
		if i := slices.Index(js.queue, j); i >= 0 {
			js.queue = slices.Delete(js.queue, i, i+1)
		}
	}
}

// line puts a waiting job into its place of the queue.
func (js *jobs) line(j *job) {
	i, _ := slices.BinarySearchFunc(js.queue, j.asked(), func(q *job, asked schedule.Job) int {
		return schedule.Compare(q.asked(), asked)
	})
	js.queue = slices.Insert(js.queue, i, j)
}

// rename gives a queued job the name that its folder has now.
func (js *jobs) rename(j *job, name string) {
	js.leave(j)
	j.name = name
	js.add(j)
}

// postpone sets when a move that failed is tried again: with growing pauses.
func (js *jobs) postpone(j *job, now time.Time, why string) {
	j.pause = min(max(2*j.pause, firstPause), maxPause)
	j.retry = now.Add(j.pause)
	j.trouble = why
	js.late[j.Identity] = j
}

// due is when something is to be done about a job without a message, or zero;
// with looks also when a folder is to be looked at.
func (js *jobs) due(looks bool) time.Time {
	var first time.Time
	sooner := func(t time.Time) {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	for _, j := range js.late {
		sooner(j.retry)
	}
	if !looks {
		return first
	}
	for _, j := range js.by[arriving] {
		if !j.reading.underWay {
			sooner(j.reading.due)
		}
	}
	return first
}
