package spool

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"qm/cmd/qmserver/internal/disk"
)

// arrivals keeps when each waiting folder was first seen, so that the order
// survives restarts. What a power cut takes of it is made up for by the folders'
// own times.
type arrivals struct {
	lines
	past  map[disk.Identity]arrival // as earlier servers have seen them
	taken bool                      // the queue has been listed: what comes into it now is new
	last  int64                     // the latest of all
}

// arrival is a folder's place among those of its priority. One of zeros says
// that the folder has left.
type arrival struct{ arrived, changed int64 }

func (a *arrivals) open() {
	a.past = make(map[disk.Identity]arrival)
	a.read(func(line string) {
		if id, at, ok := parseArrival(line); ok && at.arrived == 0 {
			delete(a.past, id)
		} else if ok {
			a.past[id] = at
		}
	})
}

func parseArrival(line string) (id disk.Identity, at arrival, ok bool) {
	fields := strings.Fields(line)
	if len(fields) != 4 {
		return id, at, false
	}
	var err [4]error
	id.Inode, err[0] = strconv.ParseUint(fields[0], 10, 64)
	for i, n := range []*int64{&id.Birth, &at.arrived, &at.changed} {
		*n, err[i+1] = strconv.ParseInt(fields[i+1], 10, 64)
	}
	return id, at, errors.Join(err[:]...) == nil
}

// recall gives a job the place that an earlier server has seen it at.
func (a *arrivals) recall(j *job) {
	if at, known := a.past[j.Identity]; known {
		j.Arrived, j.Changed = at.arrived, at.changed
		a.last = max(a.last, at.arrived)
	}
}

// next returns when those arrive that are seen first now: later than all
// before them, also when the clock was set back.
func (a *arrivals) next(now time.Time) int64 {
	a.last = max(now.UnixNano(), a.last+1)
	return a.last
}

// note remembers a job's place.
func (a *arrivals) note(j *job) {
	if a.past[j.Identity] != (arrival{j.Arrived, j.Changed}) {
		a.row(j.Identity, arrival{j.Arrived, j.Changed})
		delete(a.past, j.Identity)
	}
}

func (a *arrivals) row(id disk.Identity, at arrival) {
	a.add("%d %d %d %d", id.Inode, id.Birth, at.arrived, at.changed)
}

// forget says that a folder that comes again is a new arrival.
func (a *arrivals) forget(id disk.Identity) {
	delete(a.past, id)
	a.row(id, arrival{})
}

// listed says that all that lies in the queue has been recalled: what is left is
// about folders that may still be found in QM_Jobs.
func (a *arrivals) listed(all map[disk.Identity]*job) {
	left := make(map[disk.Identity]arrival)
	for id, at := range a.past {
		if all[id] == nil {
			left[id] = at
		}
	}
	a.past, a.taken = left, true
}

// settle writes the file anew when most of it is about folders that are gone.
func (a *arrivals) settle(all map[disk.Identity]*job) {
	const slack = 1000
	if a.rows <= 2*(len(all)+len(a.past))+slack {
		return
	}
	a.begin()
	for _, j := range all {
		a.row(j.Identity, arrival{j.Arrived, j.Changed})
	}
	for id, at := range a.past {
		a.row(id, at)
	}
	a.replace()
}
