package snapshot

import (
	"bytes"
	"cmp"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
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
	Silent           time.Time // since when Slurm has not answered; zero: it does
}

// watch follows the heartbeat. What counts is that its content changes, by our
// monotonic clock: the clocks of the two machines may differ by hours.
type watch struct {
	content string
	looked  time.Time // last look
	changed time.Time // last look that found another content than the look shortly before it
	written []byte    // the queue file
	stamp   [4]int64  // how it looked from outside when it was read
	queue   *layout.Queue
	silent  time.Time // of Server, when the queue file was read
}

// look reads heartbeat and queue, in which there is nothing private. The queue is nil if there is none, and the
// same one as before if nothing changed.
func (w *watch) look(root *os.Root, now time.Time) (Server, *layout.Queue) {
	s := w.heartbeat(root, now)
	if info, err := root.Lstat(layout.QueueFile); err != nil || !w.known(info, now) {
		w.readQueue(root, &s, now)
		w.stamp = looksOf(info)
	}
	if w.queue != nil {
		s.Silent = w.silent
	}
	return s, w.queue
}

// known tells that the queue file is the one that was read last.
func (w *watch) known(info fs.FileInfo, now time.Time) bool {
	return w.written != nil && info.Mode().IsRegular() && looksOf(info) == w.stamp && now.Sub(fromNano(factsOf(info).changed)) > tick
}

func (w *watch) readQueue(root *os.Root, s *Server, now time.Time) {
	data, err := layout.ReadFile(root, layout.QueueFile, layout.MaxStatus)
	if err != nil {
		w.written, w.queue = nil, nil
	} else if w.written == nil || !bytes.Equal(data, w.written) {
		w.written = data
		if w.queue, err = layout.ParseQueue(data); err != nil {
			w.queue = nil // torn by a crash; the server writes it anew
		}
		w.silent = silentSince(w.queue, s, now)
	}
}

// looksOf is what a file looks like from outside: it differs where the file was
// changed or replaced, if not within one tick of the file system's clock. Of none
// it is all 0.
func looksOf(info fs.FileInfo) [4]int64 {
	if info == nil {
		return [4]int64{}
	}
	at := factsOf(info)
	return [4]int64{int64(at.id.ino), at.changed, info.ModTime().UnixNano(), info.Size()}
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

// line is the queue as it was shown last.
type line struct {
	from  []*packed
	queue *layout.Queue
	alive bool
	jobs  []*packed
}

// first returns the jobs that were shown first.
func (l *line) first() []*packed { return l.jobs[:min(len(l.jobs), lookFirstInfos)] }

// stand returns the queued jobs in line; the same list as before if nothing
// changed.
func (l *line) stand(from []*packed, queue *layout.Queue, alive bool) []*packed {
	same := len(from) == len(l.from) && (len(from) == 0 || &from[0] == &l.from[0])
	if !same || l.queue != queue || l.alive != alive || l.jobs == nil {
		*l = line{from, queue, alive, inLine(from, queue, alive)}
	}
	return l.jobs
}

// inLine returns the queued jobs in the order in which they will start, as the
// scheduler sees it: those it has not told of come last, by priority and age.
func inLine(jobs []*packed, queue *layout.Queue, alive bool) []*packed {
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
	rest := placeOf(nil, full, alive)
	copies := make([]packed, len(jobs))
	line := make([]*packed, len(jobs))
	for i, p := range jobs {
		copies[i] = *p
		copies[i].live = &rest
		if q := told[p.name()]; q != nil {
			place := placeOf(q, full, alive)
			copies[i].live = &place
		}
		line[i] = &copies[i]
	}
	slices.SortFunc(line, cmpQueued)
	return line
}

// placeOf tells where a job stands in the queue and why it waits; what its own
// folder says of that counts where nothing else is known.
func placeOf(q *layout.QueueJob, full, alive bool) live {
	var l live
	switch {
	case q != nil:
		l = live{position: q.Position, arriving: q.Arriving, reason: q.Reason, told: true, submitted: nano(q.Arrived)}
	case !alive:
	case full:
		l = live{reason: reasonBehind, told: true}
	default:
		l = live{arriving: true, reason: reasonSeen, told: true}
	}
	if !alive { // whatever it said before it ended
		l.reason, l.told = reasonNoServer, true
	}
	return l
}

func cmpQueued(a, b *packed) int {
	return cmp.Or(
		cmp.Compare(rank(a.live), rank(b.live)),
		cmp.Compare(a.live.position, b.live.position),
		cmp.Compare(b.priority, a.priority),
		cmp.Compare(a.changed, b.changed),
		strings.Compare(a.name(), b.name()),
	)
}

// rank puts those with a position first and the arriving ones last.
func rank(l *live) int {
	switch {
	case l.position > 0:
		return 0
	case !l.arriving:
		return 1
	}
	return 2
}
