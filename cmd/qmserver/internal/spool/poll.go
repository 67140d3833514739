package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/pkg/layout"
)

// poll looks at the tree: whether it is still there and ours, what has come
// into the queue and left it, and what lies in QM_Jobs that is not known.
func (s *Spool) poll(now time.Time) error {
	before := s.problems
	s.problems, s.known = nil, false
	defer func() {
		if !slices.Equal(before, s.problems) {
			s.dirty = true
			s.tellProblems()
		}
	}()
	if !s.treeIsThere() {
		s.problems = append(s.problems, fmt.Sprintf("%s is gone: nothing starts until it is back", s.Tree))
		return nil
	}
	if err := s.lock.check(); err != nil {
		return err
	}
	if err := s.makeFolders(); err != nil {
		s.problems = append(s.problems, err.Error())
		return nil
	}
	s.listQueue(now)
	s.listRunning(now)
	return nil
}

// treeIsThere tells whether QM_FOLDER is the folder that it was at the start,
// and not gone, or the place where a file system was mounted.
func (s *Spool) treeIsThere() bool {
	at, err := disk.Lstat(s.lock.dir)
	return err == nil && at.Identity == s.rootID
}

func (s *Spool) tellProblems() {
	if len(s.problems) == 0 {
		s.log.Info("queue goes on")
		return
	}
	s.log.Error("nothing starts", "reason", strings.Join(s.problems, "; "))
}

// listQueue brings what is known of the queue up to date.
func (s *Spool) listQueue(now time.Time) {
	entries, err := os.ReadDir(s.Tree.Folder(layout.Queued))
	if err != nil {
		s.problems = append(s.problems, err.Error())
		return
	}
	s.forgetPlaces(layout.Queued)
	paused := false
	there := make(map[disk.Identity]bool, len(entries))
	for _, e := range entries {
		if layout.IsControl(e.Name(), layout.Pause) && e.Type().IsRegular() {
			paused = paused || s.mayPause(e.Name())
			continue
		}
		if id, ok := s.listed(e, now); ok {
			there[id] = true
		}
	}
	s.setPaused(paused)
	for _, p := range [...]phase{arriving, waiting} {
		for id, j := range s.jobs.by[p] {
			if !there[id] {
				s.log.Info("job taken back", "job", j.shown())
				s.drop(j)
			}
		}
	}
}

// mayPause: where users share the queue folder, only root and its owner pause
// it for all.
func (s *Spool) mayPause(file string) bool {
	if !s.Owners {
		return true
	}
	folder, err := disk.Lstat(s.Tree.Folder(layout.Queued))
	f, err2 := disk.Lstat(s.Tree.Job(layout.Queued, file))
	return err == nil && err2 == nil && (f.UID == 0 || f.UID == folder.UID)
}

func (s *Spool) setPaused(paused bool) {
	if paused == s.paused {
		return
	}
	s.paused, s.dirty = paused, true
	if paused {
		s.log.Info("queue paused", "by", layout.Pause)
	} else {
		s.log.Info("queue resumed")
	}
}

// listed takes one entry of the queue folder. It tells whose place it is, if
// it is that of a job.
func (s *Spool) listed(e fs.DirEntry, now time.Time) (disk.Identity, bool) {
	if why := noCandidate(e); why != "" {
		if why != hidden {
			s.places[place{layout.Queued, e.Name()}] = why
		}
		return disk.Identity{}, false
	}
	facts, err := disk.Lstat(s.Tree.Job(layout.Queued, e.Name()))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s.queuedAs(e.Name()) // a file system that does not answer now: no news
	}
	if err != nil || !facts.Mode.IsDir() {
		return disk.Identity{}, false // gone, or another thing, since it was listed
	}
	if facts.MountRoot {
		s.places[place{layout.Queued, e.Name()}] = "another file system is mounted here: copy the folder instead"
		return disk.Identity{}, false
	}
	j := s.jobs.all[facts.Identity]
	switch {
	case j == nil:
		s.add(&job{Identity: facts.Identity, name: e.Name(), facts: facts, arrived: now, attempt: max(1, s.attempts[facts.Identity])})
	case j.phase == arriving || j.phase == waiting:
		if facts.UID != j.facts.UID || facts.Mode != j.facts.Mode {
			s.jobs.enter(j, arriving) // it was given to another, or others may write to it now
			j.facts.UID, j.facts.Mode, j.reading = facts.UID, facts.Mode, reading{underWay: j.reading.underWay}
		}
		if j.name != e.Name() {
			s.log.Info("job renamed", "job", j.shown(), "to", layout.Display(e.Name()))
			s.jobs.rename(j, e.Name())
			s.dirty = true
		}
	}
	return facts.Identity, true
}

// queuedAs returns the job that was last seen under this name in the queue.
func (s *Spool) queuedAs(name string) (disk.Identity, bool) {
	for id, j := range s.jobs.all {
		if j.name == name && (j.phase == arriving || j.phase == waiting) {
			return id, true
		}
	}
	return disk.Identity{}, false
}

// hidden says that a name is none of ours and not worth a word.
const hidden = "hidden"

// foreign are what other systems keep everywhere.
var foreign = map[string]bool{
	"@eaDir": true, "#recycle": true, "System Volume Information": true, "lost+found": true,
	"Thumbs.db": true, "desktop.ini": true,
}

func isHidden(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "~") || foreign[layout.OwnName(name)]
}

// noCandidate tells why an entry of the queue is no job, in words for the
// page, or "".
func noCandidate(e fs.DirEntry) string {
	name := e.Name()
	switch {
	case isHidden(name):
		return hidden
	case unfinished(name):
		return "named like an unfinished copy: rename it to run it"
	case e.Type()&fs.ModeSymlink != 0:
		return "a link is no job: drop the folder itself"
	case !e.IsDir():
		return "a file is no job: drop a folder that holds it and an info file"
	}
	return ""
}

// unfinished tells of names that programs give to what they are still copying.
func unfinished(name string) bool {
	for _, suffix := range [...]string{".part", ".partial", ".tmp", ".filepart", ".crdownload"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

func (s *Spool) add(j *job) {
	s.jobs.add(j)
	s.dirty = true
}

func (s *Spool) drop(j *job) {
	s.jobs.remove(j)
	delete(s.attempts, j.Identity)
	s.dirty = true
}

func (s *Spool) forgetPlaces(state layout.State) {
	for p := range s.places {
		if p.state == state {
			delete(s.places, p)
		}
	}
}
