package spool

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"qm/cmd/qmserver/internal/disk"
	"qm/pkg/layout"
)

// flushEvery is how soon after another queue.json is written again.
const flushEvery = 200 * time.Millisecond

// flushShare is what part of the time that may take, where very many arrive.
const flushShare = 20

// tell writes the heartbeat and queue.json when they are due, and does what
// can wait for the heartbeat's time.
func (s *Spool) tell(now time.Time) {
	late := false // the last time it found no room between the rounds
	if !now.Before(s.nextBeat) {
		s.nextBeat = now.Add(layout.BeatEvery)
		late = s.unswept && !s.commits.slow
		s.launcher.RetireIdle()
		s.unswept = true
		s.feel()
		s.beat(now, false)
		if s.Alive != nil {
			s.Alive(s.statusLine())
		}
	}
	if s.unswept && (late || !s.commits.underWay()) { // else what tells of the jobs of that round would stay
		s.unswept = false
		s.sweep()
	}
	if s.dirty && s.nextFlush.IsZero() {
		s.nextFlush = now
	}
	if !s.nextFlush.IsZero() && !now.Before(s.nextFlush) {
		written := s.flush(now)
		s.beat(now, false)
		s.nextFlush = time.Time{}
		switch {
		case !written:
			s.nextFlush = s.nextBeat
		case s.dirty:
			s.nextFlush = now.Add(max(flushEvery, flushShare*time.Since(now)))
		}
	}
	s.dirty = false // all that changed has been planned for
}

// sweep clears run files away that are not needed any more, and takes notice of
// what the others say.
func (s *Spool) sweep() {
	if s.known && len(s.jobs.by[over]) == 0 {
		if err := s.launcher.Judged(); err != nil {
			s.log.Warn("run files can't be cleared away", "error", err)
		}
	}
	runs, err := s.launcher.Sweep(s.pending)
	if err != nil {
		s.log.Warn("run files can't be cleared away", "error", err)
	}
	s.tellUndying(runs)
}

// pending tells whether what the run files say of a folder still counts: it
// does while the folder may lie in QM_Jobs.
func (s *Spool) pending(id disk.Identity) bool {
	_, ghost := s.ghosts[id]
	return !s.known || s.jobs.all[id] != nil || ghost
}

// feel learns what the heartbeat tells of the machine.
func (s *Spool) feel() {
	s.load1, s.diskFree, s.diskTotal = nil, nil, nil
	if s.Load != nil {
		if load, known := s.Load(); known {
			s.load1 = &load
		}
	}
	if room, err := disk.SpaceAt(string(s.Tree)); err == nil {
		s.diskFree, s.diskTotal = &room.Free, &room.Total
	}
}

func (s *Spool) beat(now time.Time, stopped bool) {
	m := s.machine()
	h := layout.Heartbeat{
		Host: s.Host, PID: os.Getpid(), Version: s.Version, Started: s.started, Beat: now, Stopped: stopped,
		Slots: s.Slots, SlotsUsed: s.used(), GPUs: m.GPUs, GPUsUsed: s.gpusUsed(), Paused: s.paused, Launch: s.Launch, Problems: s.problemsNow(),
	}
	h.Load1, h.DiskFree, h.DiskTotal = s.load1, s.diskFree, s.diskTotal
	if s.Post != nil {
		h.Mail = s.Post.Waiting()
	}
	s.replace(layout.HeartbeatFile, h)
}

// statusLine is how it goes, in a line for people.
func (s *Spool) statusLine() string {
	m := s.machine()
	what := "slots busy"
	if s.Elsewhere {
		what = "jobs with Slurm"
	}
	line := fmt.Sprintf("%d of %d %s, %d waiting", s.used(), m.Slots, what, s.jobs.queue.Len()+len(s.jobs.by[aside]))
	if m.Stop != "" {
		line += "; nothing starts: " + m.Stop
	}
	return line
}

// mostOthers is how many places in queue.json those may take that are not in
// line, however many are.
const mostOthers = 200

// flush writes queue.json, and has the folders watched that it tells of first. It
// tells whether the file could be written.
func (s *Spool) flush(now time.Time) bool {
	others := len(s.jobs.by[aside]) + len(s.jobs.by[arriving])
	plan := s.jobs.queue.Plan(s.machine(), layout.MaxQueueJobs-min(others, mostOthers))
	q := layout.Queue{Written: now, Waiting: s.jobs.queue.Len() + len(s.jobs.by[aside]), Jobs: []layout.QueueJob{}}
	q.Arriving = s.jobs.inQueue() - q.Waiting
	first := make([]*job, 0, len(plan))
	for i, d := range plan {
		first = append(first, d.Job)
		q.Jobs = append(q.Jobs, layout.QueueJob{ID: layout.ID(d.Job.name), Position: i + 1, Arrived: d.Job.arrived(), Reason: d.Reason})
	}
	for _, j := range sorted(s.jobs.by[aside]) {
		q.Jobs = append(q.Jobs, layout.QueueJob{ID: layout.ID(j.name), Arrived: j.arrived(), Reason: j.why()})
	}
	for _, j := range sorted(s.jobs.by[arriving]) {
		q.Jobs = append(q.Jobs, layout.QueueJob{ID: layout.ID(j.name), Arriving: true, Arrived: j.arrived(), Reason: j.why()})
	}
	q.Jobs = q.Jobs[:min(len(q.Jobs), layout.MaxQueueJobs)]
	q.Notes, q.Running, q.Silent = s.notes(), s.away(), s.contact.Since
	s.watchFront(first, now)
	return s.replace(layout.QueueFile, q)
}

// sorted returns jobs in the order of their arrival.
func sorted(jobs map[*job]struct{}) []*job {
	return slices.SortedFunc(maps.Keys(jobs), byArrival)
}

// notes tells of what is no job and of jobs that can't be moved.
func (s *Spool) notes() []layout.Note {
	notes := []layout.Note{}
	for p, text := range s.places {
		notes = append(notes, layout.Note{Folder: p.state.Folder(), ID: layout.ID(p.name), Text: text})
	}
	for j := range s.jobs.by[over] {
		if j.trouble != "" {
			notes = append(notes, layout.Note{Folder: j.move.from.Folder(), ID: layout.ID(j.name), Text: "has ended and " + j.trouble})
		}
	}
	for j := range s.jobs.by[running] {
		if j.undying != "" {
			notes = append(notes, layout.Note{Folder: layout.Running.Folder(), ID: layout.ID(j.name), Text: "does not die, and keeps its slots until it does: " + j.undying})
		}
	}
	slices.SortFunc(notes, func(a, b layout.Note) int {
		return cmp.Or(strings.Compare(a.Folder, b.Folder), strings.Compare(a.ID, b.ID))
	})
	return notes
}

// readWithin is how long a reader may take that opened a status file just before
// it was replaced.
const readWithin = time.Second

func (s *Spool) replace(name string, value any) (written bool) {
	data, err := json.Marshal(value)
	now := time.Now()
	switch {
	case err != nil:
	case now.Sub(s.replacedAt[name]) > readWithin:
		err = disk.Rewrite(s.root, name, data, 0o644)
	default: // what the last call replaced may be read now
		err = disk.Replace(s.root, name, data, 0o644, disk.Volatile)
	}
	s.replacedAt[name] = now
	switch {
	case err != nil && !s.mute[name]:
		s.log.Error("status can't be written: the page shows an old one until it can", "file", name, "error", err)
	case err == nil && s.mute[name]:
		s.log.Info("status can be written again", "file", name)
	}
	s.mute[name] = err != nil
	return err == nil
}

// tellFull says that nothing starts for lack of room, or that it goes on.
func (s *Spool) tellFull(why string) {
	if why != "" {
		s.log.Error("nothing starts", "reason", why)
	} else {
		s.log.Info("queue goes on")
	}
}

func fullWords(free, least int64) string {
	return fmt.Sprintf("the disk is nearly full: %s are free, min_free asks for %s", humanize.IBytes(uint64(free)), humanize.IBytes(uint64(least)))
}
