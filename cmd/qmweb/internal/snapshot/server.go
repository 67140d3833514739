package snapshot

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"

	"qm/pkg/layout"
)

// Server is what the tree tells of qmserver.
type Server struct {
	layout.Heartbeat           // all zero if there never was one
	Known            bool      // there is a heartbeat
	Alive            bool      // it changes
	AsOf             time.Time // not zero: nobody saw it change yet, this is the file's time
	Problem          string    // why there is no heartbeat, in a sentence
}

// watch follows the heartbeat. What counts is that its content changes, by our
// monotonic clock: the clocks of the two machines may differ by hours.
type watch struct {
	content string
	looked  time.Time // last look
	changed time.Time // last look that found another content than the look shortly before it
}

// look reads heartbeat and queue. The queue is nil if there is none.
func (w *watch) look(root *os.Root, now time.Time) (Server, *layout.Queue) {
	s := w.heartbeat(root, now)
	data, err := layout.ReadFile(root, layout.QueueFile, layout.MaxStatus)
	if err != nil {
		return s, nil
	}
	queue, err := layout.ParseQueue(data)
	if err != nil {
		return s, nil // torn by a crash; the server writes it anew
	}
	return s, queue
}

func (w *watch) heartbeat(root *os.Root, now time.Time) Server {
	data, err := layout.ReadFile(root, layout.HeartbeatFile, layout.MaxStatus)
	if errors.Is(err, fs.ErrNotExist) {
		return Server{Problem: "No qmserver has run here yet."}
	} else if err != nil {
		return Server{Problem: "The heartbeat of qmserver can't be read: " + plainError(err) + "."}
	}
	beat, err := layout.ParseHeartbeat(data)
	if err != nil {
		return Server{Problem: "The heartbeat of qmserver can't be read: it is damaged."}
	}
	if string(data) != w.content {
		// After a long pause the change may be as old as the pause.
		if w.content != "" && now.Sub(w.looked) < layout.AliveFor {
			w.changed = now
		} else {
			w.changed = time.Time{}
		}
		w.content = string(data)
	}
	w.looked = now
	s := Server{Heartbeat: *beat, Known: true}
	if w.changed.IsZero() {
		s.AsOf = beatTime(root, beat)
		s.Alive = now.Sub(s.AsOf).Abs() < layout.AliveFor
	} else {
		s.Alive = now.Sub(w.changed) < layout.AliveFor
	}
	s.Alive = s.Alive && !beat.Stopped
	return s
}

func beatTime(root *os.Root, beat *layout.Heartbeat) time.Time {
	if info, err := root.Stat(layout.HeartbeatFile); err == nil {
		return info.ModTime()
	}
	return beat.Beat
}

// The reasons of jobs that the server says nothing of.
const (
	reasonNoServer = "qmserver is not running"
	reasonBehind   = "behind 1,000 others"
	reasonSeen     = "it has just come and is being looked at"
)

// inLine returns the queued jobs in the order in which they will start, as the
// scheduler sees it: those it has not told of come last, by priority and age.
func inLine(jobs []*Job, queue *layout.Queue, alive bool) []*Job {
	told := make(map[string]*layout.QueueJob)
	full := false
	if queue != nil {
		full = len(queue.Jobs) >= layout.MaxQueueJobs
		for i := range queue.Jobs {
			if name, err := layout.NameOfID(queue.Jobs[i].ID); err == nil {
				told[name] = &queue.Jobs[i]
			}
		}
	}
	line := make([]*Job, len(jobs))
	for i, j := range jobs {
		here := *j
		switch q := told[j.Name]; {
		case q != nil:
			here.Position, here.Arriving, here.Reason, here.Submitted = q.Position, q.Arriving, q.Reason, q.Arrived
		case !alive:
		case full:
			here.Reason = reasonBehind
		default:
			here.Arriving, here.Reason = true, reasonSeen
		}
		if !alive { // whatever it said before it ended
			here.Reason = reasonNoServer
		}
		line[i] = &here
	}
	slices.SortFunc(line, cmpQueued)
	return line
}

func cmpQueued(a, b *Job) int {
	return cmp.Or(
		cmp.Compare(rank(a), rank(b)),
		cmp.Compare(a.Position, b.Position),
		cmp.Compare(b.Priority, a.Priority),
		a.Changed.Compare(b.Changed),
		cmp.Compare(a.Name, b.Name),
	)
}

// rank puts those with a position first and the arriving ones last.
func rank(j *Job) int {
	switch {
	case j.Position > 0:
		return 0
	case !j.Arriving:
		return 1
	}
	return 2
}
