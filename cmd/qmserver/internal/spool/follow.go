package spool

import (
	"cmp"
	"fmt"
	"io/fs"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/pkg/layout"
)

// A job with `after` waits until all the jobs that it names have succeeded. Of
// several of a name the newest counts: one that waits or runs before one that
// has ended.

// followers are the jobs that wait for others, by the own names of those.
type followers struct {
	of      map[string]map[*job]struct{}
	names   map[*job][]string // whom each waits for
	stirred map[string]bool   // something has become of these
	past    map[string]past   // how the newest of each name ended that lies in done or lost
	scanned [2]int64          // the times of those folders at the last scan
	scan    bool              // there is a name that was not scanned for
	next    time.Time         // no scan sooner: it lists all that is done
}

// past is how the newest job of a name ended; nothing of it if there is none.
type past struct {
	there   bool
	lost    bool
	outcome layout.Outcome // "": not known
	changed int64          // when it ended, or else came there, in ns
}

func newFollowers() followers {
	return followers{
		of: make(map[string]map[*job]struct{}), names: make(map[*job][]string),
		stirred: make(map[string]bool), past: make(map[string]past),
	}
}

// follow lets a job wait for those that it names, or start, or parks it.
func (s *Spool) follow(j *job) {
	wait, fault := "", ""
	for _, name := range s.enlist(j) {
		w, f := s.whatOf(name, j)
		if wait == "" {
			wait = w
		}
		if fault == "" {
			fault = f
		}
	}
	switch {
	case fault != "":
		s.unfollow(j)
		s.reject(j, fault)
	case wait != "":
		j.Wait = wait
	default:
		s.unfollow(j)
		s.jobs.change(j, waiting, func() { j.Wait = j.troubled() })
	}
	s.dirty = true
}

// enlist notes whom a job follows, and returns their names.
func (s *Spool) enlist(j *job) []string {
	if names := s.follows.names[j]; names != nil {
		return names
	}
	for _, name := range j.info.After {
		name = ownName(name)
		if s.follows.of[name] == nil {
			s.follows.of[name] = make(map[*job]struct{})
		}
		s.follows.of[name][j] = struct{}{}
		s.follows.names[j] = append(s.follows.names[j], name)
	}
	return s.follows.names[j]
}

func (s *Spool) unfollow(j *job) {
	for _, name := range s.follows.names[j] {
		if delete(s.follows.of[name], j); len(s.follows.of[name]) == 0 {
			delete(s.follows.of, name)
			delete(s.follows.past, name) // nobody keeps it true from now on
		}
	}
	delete(s.follows.names, j)
}

// whatOf tells why a follower waits for the jobs of a name, or why it can't be
// run any more, or neither.
func (s *Spool) whatOf(name string, follower *job) (wait, fault string) {
	shown := layout.Display(name)
	others := s.jobs.kinship()[name]
	if follower.Name == name {
		others--
	}
	if others > 0 {
		for _, p := range [...]phase{ready, running, closing, over} {
			for j := range s.jobs.by[p] {
				if j.Name == name {
					return fmt.Sprintf("after %s, which runs", shown), ""
				}
			}
		}
		return fmt.Sprintf("after %s, which waits", shown), ""
	}
	p, scanned := s.follows.past[name]
	switch {
	case !scanned:
		s.follows.scan = true
		return fmt.Sprintf("after %s", shown), ""
	case !p.there:
		return fmt.Sprintf("after %s, which does not exist yet", shown), ""
	case p.lost:
		return "", fmt.Sprintf("it is to run after %s, which is lost: run that again, then drop this one again", shown)
	case p.outcome == "":
		return fmt.Sprintf("after %s, of which is not known how it ended: run that again, or take `after` out", shown), ""
	case p.outcome != layout.Succeeded:
		return "", fmt.Sprintf("it is to run after %s, which has %s: run that again, then drop this one again", shown, p.outcome)
	}
	return "", ""
}

// stir says that something has become of the jobs of a name.
func (s *Spool) stir(name string) {
	if s.follows.of[name] != nil {
		s.follows.stirred[name] = true
	}
}

// runs has those that wait for a job say that it runs.
func (s *Spool) runs(j *job, now time.Time) {
	if s.stir(j.Name); len(s.follows.stirred) > 0 {
		s.wakeAt(now)
	}
}

// lead looks at the followers of whom something has become.
func (s *Spool) lead(now time.Time) {
	if s.follows.scan && !now.Before(s.follows.next) {
		s.scanPast(now)
	}
	for len(s.follows.stirred) > 0 {
		names := s.follows.stirred
		s.follows.stirred = make(map[string]bool)
		for name := range names {
			for j := range s.follows.of[name] {
				if j.phase != aside || j.held {
					continue // it is placed anew when that is over
				}
				s.follow(j)
			}
		}
	}
}

// passed notes how the newest job of a name ended.
func (s *Spool) passed(j *job) {
	if s.follows.of[j.Name] != nil {
		s.follows.past[j.Name] = past{
			there: true, lost: j.move.to == layout.Lost, outcome: j.move.end.Outcome, changed: time.Now().UnixNano(),
		}
	}
	s.stir(j.Name)
}

// lookBack finds out, at each poll, whether someone has moved something in done
// or lost that is waited for.
func (s *Spool) lookBack() {
	if len(s.follows.of) > 0 && s.follows.scanned != s.pastTimes() {
		s.follows.scan = true
	}
}

func (s *Spool) pastTimes() (times [2]int64) {
	for i, state := range [...]layout.State{layout.Done, layout.Lost} {
		if f, err := disk.Lstat(s.Tree.Folder(state)); err == nil {
			times[i] = f.Ctime
		}
	}
	return times
}

// scanPast looks in done and lost for the newest job of each name that is
// waited for.
func (s *Spool) scanPast(now time.Time) {
	times := s.pastTimes()
	found := make(map[string]past)
	for _, state := range [...]layout.State{layout.Done, layout.Lost} {
		err := disk.List(s.Tree.Folder(state), func(name []byte, _ uint64, _ fs.FileMode) {
			own := ownName(string(name))
			if s.follows.of[own] == nil {
				return
			}
			f, err := disk.Lstat(s.Tree.Job(state, string(name)))
			if err != nil || !f.Mode.IsDir() {
				return
			}
			// The folder's own time changes with each file that is put into it.
			end := s.outcomes.of(f.Identity)
			at := cmp.Or(end.at, f.Ctime)
			if at > found[own].changed {
				found[own] = past{there: true, lost: state == layout.Lost, outcome: end.outcome, changed: at}
			}
		})
		if err != nil {
			s.log.Warn("folder can't be listed for jobs that others wait for", "folder", state.Folder(), "error", err)
			return
		}
	}
	before := s.follows.past
	s.follows.past = make(map[string]past)
	for name := range s.follows.of {
		s.follows.past[name] = found[name]
		if old, known := before[name]; !known || old != found[name] {
			s.follows.stirred[name] = true
		}
	}
	s.follows.scan, s.follows.scanned = false, times
	s.follows.next = now.Add(listShare * time.Since(now))
}
