package spool

import (
	"cmp"
	"strings"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/schedule"
)

// jobs are all that the spool knows, by who they are, by name, and by how far
// they have come: what is done at each event must not cost more with a longer
// queue.
type jobs struct {
	all    map[disk.Identity]*job
	names  map[string]*job             // those in the queue folder
	listed []*job                      // those of which nothing is known yet, in the order of arrival; some have gone on
	queue  *schedule.Queue[*job]       // the waiting ones
	by     [over + 1]map[*job]struct{} // arriving, aside, ready, running, closing, over
	late   map[*job]struct{}           // those with a move that is tried again
	kin    map[string]int              // how many there are by own name; nil until someone asks
}

func newJobs(fair bool) jobs {
	js := jobs{
		all: make(map[disk.Identity]*job), names: make(map[string]*job), late: make(map[*job]struct{}),
		queue: &schedule.Queue[*job]{Fair: fair},
	}
	for _, p := range [...]phase{arriving, aside, ready, running, closing, over} {
		js.by[p] = make(map[*job]struct{})
	}
	return js
}

// add takes a job in, in the phase that it has.
func (js *jobs) add(j *job) {
	j.Name = ownName(j.name)
	js.all[j.Identity] = j
	js.count(j, 1)
	js.arrive(j)
}

// remove forgets a job.
func (js *jobs) remove(j *job) {
	js.leave(j)
	js.count(j, -1)
	delete(js.all, j.Identity)
	delete(js.late, j)
}

// enter moves a job on to a phase.
func (js *jobs) enter(j *job, p phase) { js.change(j, p, func() {}) }

// change moves a job on to a phase, and changes what decides about its place.
func (js *jobs) change(j *job, p phase, change func()) {
	js.leave(j)
	change()
	j.phase = p
	js.arrive(j)
}

// rename gives a job the name that its folder has now.
func (js *jobs) rename(j *job, name string) {
	js.count(j, -1)
	js.change(j, j.phase, func() { j.name, j.Name = name, ownName(name) })
	js.count(j, 1)
}

func (js *jobs) arrive(j *job) {
	if j.phase.queued() {
		js.names[j.name] = j
	}
	switch j.phase {
	case listed:
		js.listed = append(js.listed, j)
	case waiting:
		js.queue.Add(j)
	default:
		js.by[j.phase][j] = struct{}{}
	}
}

func (js *jobs) leave(j *job) {
	if j.phase.queued() && js.names[j.name] == j {
		delete(js.names, j.name)
	}
	switch j.phase {
	case listed: // it is skipped when its turn comes
	case waiting:
		js.queue.Remove(j)
	default:
		delete(js.by[j.phase], j)
	}
}

// knows tells whether a job is still one of ours.
func (js *jobs) knows(j *job) bool { return js.all[j.Identity] == j }

// kinship counts the jobs by own name from now on.
func (js *jobs) kinship() map[string]int {
	if js.kin == nil {
		js.kin = make(map[string]int)
		for _, j := range js.all {
			js.kin[j.Name]++
		}
	}
	return js.kin
}

func (js *jobs) count(j *job, n int) {
	if js.kin == nil {
		return
	}
	if js.kin[j.Name] += n; js.kin[j.Name] <= 0 {
		delete(js.kin, j.Name)
	}
}

// inQueue returns how many jobs lie in the queue folder.
func (js *jobs) inQueue() int { return len(js.names) }

// unknown returns how many of them are only listed.
func (js *jobs) unknown() int {
	return js.inQueue() - js.queue.Len() - len(js.by[aside]) - len(js.by[arriving])
}

// postpone sets when a move that failed is tried again: with growing pauses.
func (js *jobs) postpone(j *job, now time.Time, why string) {
	c := j.begin()
	c.pauses = min(max(2*c.pauses, firstPause), maxPause)
	c.retry = now.Add(c.pauses)
	c.trouble = why
	j.Wait = why
	js.late[j] = struct{}{}
}

// untroubled says that a move that failed has been made, or is tried again.
func (js *jobs) untroubled(j *job) {
	delete(js.late, j)
	if j.Wait == j.trouble { // else it waits for something else by now, such as HOLD
		j.Wait = ""
	}
	j.retry, j.trouble = time.Time{}, ""
}

// byArrival orders jobs as they came.
func byArrival(a, b *job) int {
	return cmp.Or(schedule.Compare(&a.Job, &b.Job), strings.Compare(a.name, b.name))
}
