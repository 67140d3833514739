package spool

import (
	"errors"
	"io/fs"
	"slices"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/events"
	"qm/cmd/qmserver/internal/runfile"
	"qm/pkg/layout"
)

const (
	// racy is how long after a change of a folder's time another change may
	// leave that as it is: stamps lag by a tick, on shares by a second.
	racy = 2 * time.Second
	// wholeAge is how much older than the last listing without its name a
	// folder must be to have been moved in: stamps lag by a tick.
	wholeAge = time.Second
	// listShare is what part of the time listings may take: a queue of 100,000
	// is listed less often.
	listShare = 50
	// maxCrowd is more than are seen first, or arrive, at once, but in a crowd.
	maxCrowd = 1000
)

// listing is what is known of the last listings of the queue folder.
type listing struct {
	folder  disk.Identity // what was listed
	dir     *disk.Dir     // the same, open; nil: it could not be
	changed int64         // the folder's ctime, before: cp -a and rsync -a set its mtime
	at      int64         // by the file system's clock, before; 0: never
	number  uint32        // how many there have been
	again   bool          // whatever the folder's time says
	next    time.Time     // none sooner
	remote  bool          // the file system's times and events can't be relied on
}

// listQueue brings what is known of the queue up to date, unless nothing has
// come or gone.
func (s *Spool) listQueue(now time.Time) {
	path, at := s.Tree.Folder(layout.Queued), s.fileTime(now)
	facts, err := disk.Lstat(path)
	if err != nil {
		s.problems = append(s.problems, err.Error())
		return
	}
	if s.list.folder != facts.Identity {
		s.list.folder, s.list.again = facts.Identity, true
		s.openQueue(path)
		s.watchQueue(path)
	}
	if !s.list.again && !s.list.remote && facts.Ctime == s.list.changed {
		s.list.at = at // a listing would tell the same
		return
	}
	if now.Before(s.list.next) {
		return
	}
	if err := s.listAll(path, now); err != nil {
		s.problems = append(s.problems, err.Error())
		return
	}
	s.list.again = at-facts.Ctime < int64(racy)
	s.list.changed, s.list.at = facts.Ctime, at
	s.list.next = now.Add(listShare * time.Since(now))
}

// openQueue opens the queue folder for glances into it.
func (s *Spool) openQueue(path string) {
	if s.list.dir != nil {
		_ = s.list.dir.Close()
	}
	var err error
	if s.list.dir, err = disk.OpenDir(path); err != nil {
		s.list.dir = nil
	}
}

func (s *Spool) listAll(path string, now time.Time) error {
	s.forgetPlaces(layout.Queued)
	s.list.number++
	paused := make(map[string]bool)
	var fresh []*job
	err := disk.List(path, func(name []byte, inode uint64, kind fs.FileMode) {
		if j := s.jobs.names[string(name)]; j != nil && j.Inode == inode {
			j.seen = s.list.number
			return
		}
		if isPause(string(name), kind) {
			paused[string(name)] = true
			return
		}
		if j := s.entry(string(name), kind, false); j != nil {
			j.moved = s.wasWhole(j.Identity)
			fresh = append(fresh, j)
		}
	})
	if err != nil {
		return err
	}
	s.pauses = paused
	s.setPaused()
	s.welcome(fresh, now)
	if !s.arrivals.taken {
		s.arrivals.listed(s.jobs.all)
	}
	for _, j := range s.jobs.names {
		if j.seen != s.list.number {
			s.missed(j)
		}
	}
	return nil
}

// entry looks at what lies under a name of the queue folder, and returns it if
// it is a job that is not known. The kind is what a listing told of it.
func (s *Spool) entry(name string, kind fs.FileMode, came bool) *job {
	if kind != disk.UnknownKind {
		if why := noCandidate(name, kind); why != "" {
			s.passBy(name, kind)
			s.note(layout.Queued, name, why)
			return nil
		}
	}
	facts, err := disk.Lstat(s.Tree.Job(layout.Queued, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		if j := s.jobs.names[name]; j != nil {
			j.seen = s.list.number // a file system that does not answer now: no news
		}
		return nil
	}
	if err != nil {
		return nil // gone since it was listed
	}
	if why := noCandidate(name, facts.Mode.Type()); why != "" {
		s.passBy(name, facts.Mode.Type())
		s.note(layout.Queued, name, why)
		return nil
	}
	if facts.MountRoot {
		s.note(layout.Queued, name, "another file system is mounted here: copy the folder instead")
		return nil
	}
	if j := s.jobs.all[facts.Identity]; j != nil {
		s.met(j, name, came)
		return nil
	}
	j := &job{Identity: facts.Identity, name: name, uid: int32(facts.UID), mode: facts.Mode, seen: s.list.number}
	j.Changed = facts.Ctime
	return j
}

// passBy notes of a folder that is no candidate by its name that it lies here:
// under another name it has not come from outside.
func (s *Spool) passBy(name string, kind fs.FileMode) {
	if !kind.IsDir() {
		return
	}
	if f, err := disk.Lstat(s.Tree.Job(layout.Queued, name)); err == nil {
		s.left[f.Identity] = true
	}
}

// met takes notice of a job that is known, under the name that it has now.
func (s *Spool) met(j *job, name string, came bool) {
	if !j.phase.queued() {
		if j.phase == over {
			j.move.back, j.move.came = name, came // it came back before we knew that it had gone, perhaps
		}
		return // it is being moved
	}
	j.seen = s.list.number
	if came && j.course == nil && j.proven == 0 && !s.left[j.Identity] {
		j.moved = true // a listing was quicker than the event
	}
	if j.name != name {
		s.log.Info("job renamed", "job", j.shown(), "to", layout.Display(name))
		s.jobs.rename(j, name)
		s.dirty = true
	}
}

// wasWhole tells whether a folder that was in no listing before is so old that
// it was made elsewhere, and so moved in with all that is in it.
func (s *Spool) wasWhole(id disk.Identity) bool {
	return s.list.at != 0 && id.Birth != 0 && s.list.at-id.Birth >= int64(wholeAge) && !s.left[id]
}

// welcome takes jobs in that were seen for the first time at once, in the order
// in which they have changed, unless an earlier server has seen them.
func (s *Spool) welcome(fresh []*job, now time.Time) {
	at := s.arrivals.next(now)
	for _, j := range fresh {
		if j.Arrived = at; !s.arrivals.taken {
			s.arrivals.recall(j)
		}
	}
	slices.SortFunc(fresh, byArrival)
	s.crowd = s.crowd || len(fresh) > maxCrowd
	for _, j := range fresh {
		if next := s.nextAttempt(j); next > 1 {
			j.begin().attempt = next
		}
		s.jobs.add(j)
		s.arrivals.note(j)
		s.stir(j.Name)
		s.dirty = true
	}
}

// missed drops a job that a listing did not tell of, if it is gone.
func (s *Spool) missed(j *job) {
	facts, err := disk.Lstat(s.Tree.Job(layout.Queued, j.name))
	switch {
	case err == nil && facts.Identity == j.Identity:
		j.seen = s.list.number
	case err == nil || errors.Is(err, fs.ErrNotExist):
		s.log.Info("job taken back", "job", j.shown())
		s.drop(j)
	}
}

// replaced drops a job in whose place another folder lies: it may have the same
// inode number, by which alone a listing can't tell it.
func (s *Spool) replaced(j *job) bool {
	s.missed(j)
	if s.jobs.knows(j) {
		return false
	}
	s.list.again, s.nextPoll = true, time.Time{}
	return true
}

// happened takes notice of what the events tell.
func (s *Spool) happened(all []events.Event, now time.Time) {
	var gone []*job
	for _, e := range all {
		switch {
		case e.Kind == events.Overflow:
			s.list.again, s.list.next, s.nextPoll = true, time.Time{}, now
			s.watches.missed = true
		case e.Kind == events.Gone:
			if e.Watch == s.queueWatch {
				s.list.folder, s.nextPoll = disk.Identity{}, now
			}
		case e.Watch != s.queueWatch:
			if j := s.watched[int32(e.Watch)]; j != nil {
				s.touched(j, now)
			}
		case e.Kind == events.Left:
			gone = append(gone, s.wentAway(e.Name)...)
		default:
			s.appeared(e.Name, e.Kind == events.Came, now)
		}
	}
	for _, j := range gone {
		if j.phase.queued() && s.jobs.knows(j) { // and was not only renamed
			s.missed(j)
		}
	}
}

// appeared looks at what has come under a name.
func (s *Spool) appeared(name string, came bool, now time.Time) {
	if layout.IsControl(name, layout.Pause) {
		facts, err := disk.Lstat(s.Tree.Job(layout.Queued, name))
		if err == nil && isPause(name, facts.Mode.Type()) {
			s.pauses[name] = true
			s.setPaused()
			return
		}
	}
	s.forget(layout.Queued, name)
	if j := s.entry(name, disk.UnknownKind, came); j != nil {
		j.moved = came && !s.left[j.Identity]
		s.welcome([]*job{j}, now)
	}
}

// wentAway returns the job that had the name, if that is still its name.
func (s *Spool) wentAway(name string) []*job {
	s.forget(layout.Queued, name)
	if s.pauses[name] {
		delete(s.pauses, name)
		s.setPaused()
	}
	if j := s.jobs.names[name]; j != nil {
		return []*job{j}
	}
	return nil
}

// drop forgets a job that is not ours any more. A folder that was not complete
// is not taken for whole when it comes again.
func (s *Spool) drop(j *job) {
	if j.phase.queued() && j.proven == 0 {
		if len(s.left) > maxCrowd {
			clear(s.left)
		}
		s.left[j.Identity] = true
	}
	s.unwatch(j)
	s.unfollow(j)
	s.arrivals.forget(j.Identity)
	s.jobs.remove(j)
	s.stir(j.Name)
	delete(s.attempts, runfile.Folder{Identity: j.Identity, UID: int(j.uid)})
	delete(s.attempts, runfile.Folder{Identity: j.Identity, UID: runfile.Anyones})
	s.dirty = true
}
