package spool

import (
	"cmp"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/pkg/layout"
)

// flushEvery is how soon after another queue.json is written again.
const flushEvery = 200 * time.Millisecond

// tell writes the heartbeat and queue.json when they are due, and does what
// can wait for the heartbeat's time.
func (s *Spool) tell(now time.Time) {
	if !now.Before(s.nextBeat) {
		s.nextBeat = now.Add(layout.BeatEvery)
		s.launcher.RetireIdle()
		if s.known && len(s.jobs.by[over]) == 0 {
			if err := s.launcher.Judged(); err != nil {
				s.log.Warn("run files can't be cleared away", "error", err)
			}
		}
		if err := s.launcher.Sweep(s.pending); err != nil {
			s.log.Warn("run files can't be cleared away", "error", err)
		}
		s.beat(now, false)
	}
	if s.dirty && s.nextFlush.IsZero() {
		s.nextFlush = now
	}
	if !s.nextFlush.IsZero() && !now.Before(s.nextFlush) {
		s.flush(now)
		s.beat(now, false)
		s.nextFlush = time.Time{}
		if s.dirty {
			s.nextFlush = now.Add(flushEvery)
		}
	}
	if s.holdTill.IsZero() {
		s.dirty = false // all that changed has been planned for
	}
}

// pending tells whether what the run files say of a folder still counts: it
// does while the folder may lie in QM_Jobs.
func (s *Spool) pending(id disk.Identity) bool {
	return !s.known || s.jobs.all[id] != nil || s.ghosts[id] != ""
}

func (s *Spool) beat(now time.Time, stopped bool) {
	m := s.machine()
	h := layout.Heartbeat{
		Host: s.Host, PID: os.Getpid(), Version: s.Version, Started: s.started, Beat: now, Stopped: stopped,
		Slots: s.Slots, SlotsUsed: m.Used, Paused: s.paused, Launch: s.Launch, Problems: append([]string{}, s.problems...),
	}
	s.replace(layout.HeartbeatFile, h)
}

// flush writes queue.json.
func (s *Spool) flush(now time.Time) {
	q := layout.Queue{Written: now, Waiting: len(s.plan), Jobs: []layout.QueueJob{}}
	for i, p := range s.plan {
		if len(q.Jobs) == layout.MaxQueueJobs {
			break
		}
		q.Jobs = append(q.Jobs, layout.QueueJob{ID: layout.ID(p.name), Position: i + 1, Arrived: p.arrived, Reason: p.Reason})
	}
	coming := s.arrivingJobs()
	q.Arriving = len(coming)
	for _, j := range coming {
		if len(q.Jobs) == layout.MaxQueueJobs {
			break
		}
		q.Jobs = append(q.Jobs, layout.QueueJob{ID: layout.ID(j.name), Arriving: true, Arrived: j.arrived, Reason: cmp.Or(j.reading.words, "arriving")})
	}
	q.Notes = s.notes()
	s.replace(layout.QueueFile, q)
}

func (s *Spool) arrivingJobs() []*job {
	var coming []*job
	for _, j := range s.jobs.by[arriving] {
		coming = append(coming, j)
	}
	slices.SortFunc(coming, func(a, b *job) int {
		return cmp.Or(a.arrived.Compare(b.arrived), strings.Compare(a.name, b.name))
	})
	return coming
}

// notes tells of what is no job and of jobs that can't be moved.
func (s *Spool) notes() []layout.Note {
	notes := []layout.Note{}
	for p, text := range s.places {
		notes = append(notes, layout.Note{Folder: p.state.Folder(), ID: layout.ID(p.name), Text: text})
	}
	for _, j := range s.jobs.by[over] {
		if j.trouble != "" {
			notes = append(notes, layout.Note{Folder: j.move.from.Folder(), ID: layout.ID(j.name), Text: "has ended and " + j.trouble})
		}
	}
	slices.SortFunc(notes, func(a, b layout.Note) int {
		return cmp.Or(strings.Compare(a.Folder, b.Folder), strings.Compare(a.ID, b.ID))
	})
	return notes
}

func (s *Spool) replace(name string, value any) {
	data, err := json.Marshal(value)
	if err == nil {
		err = disk.Replace(s.root, name, data, 0o644, disk.Volatile)
	}
	switch {
	case err != nil && !s.mute:
		s.log.Error("status can't be written: the page shows an old one until it can", "file", name, "error", err)
	case err == nil && s.mute:
		s.log.Info("status can be written again")
	}
	s.mute = err != nil
}
