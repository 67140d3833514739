package snapshot

import (
	"os"
	"time"

	"qm/pkg/layout"
)

// How hard a job is looked for that is not where it was.
const (
	listTries = 5
	lookTries = 3
	lookMost  = 1000 // of more than so many jobs most were removed
)

// absentees are jobs that were known and are nowhere now.
type absentees map[identity]*entry

// list lists the folders in the order of a job's life: one that is moved on
// meanwhile is met twice, never missed, and counts where it was met last. One
// that is moved back is missed. Then a job that was known is nowhere: it is
// looked for by its name, and if that does not help, all is listed again. At
// the first listing no job is known, so there is always a second.
func (s *scanner) list(root *os.Root, now time.Time) {
	first := s.folders[layout.Queued].listed.IsZero()
	for try := range listTries {
		absent := make(absentees)
		for _, f := range s.folders {
			came, went := f.list(root, now)
			s.drop(went, absent)
			s.take(root, came, absent)
		}
		s.lookFor(root, absent, now)
		if len(absent) == 0 && (try > 0 || !first) {
			return
		}
	}
}

// lookFor looks into each folder for jobs that are missing. It takes so little
// time that one has to be moved very often to escape.
func (s *scanner) lookFor(root *os.Root, absent absentees, now time.Time) {
	if len(absent) > lookMost {
		return
	}
	for range lookTries {
		for id, e := range absent {
			for _, f := range s.folders {
				if f.problem != "" {
					continue
				}
				info, err := root.Lstat(f.state.Folder() + "/" + e.name)
				if err == nil && info.IsDir() && factsOf(info).id == id {
					s.found(root, f, e.name, factsOf(info), now, absent)
					break
				}
			}
		}
	}
}

// found puts a job that was missing where it is.
func (s *scanner) found(root *os.Root, f *folder, name string, at facts, now time.Time, absent absentees) {
	before := f.entries[name]
	e, _ := f.meet(name, at, instantOf(now))
	if before != nil && before != e {
		s.drop([]*entry{before}, absent)
	}
	s.take(root, []*entry{e}, absent)
}

// drop forgets jobs; those that are nowhere now are missing.
func (s *scanner) drop(went []*entry, absent absentees) {
	for _, e := range went {
		e.gone = true
		if s.byID[e.id] == e {
			delete(s.byID, e.id)
			absent[e.id] = e
		}
	}
}

// take adds jobs, to be read, and removes them from where they were met before.
func (s *scanner) take(root *os.Root, came []*entry, absent absentees) {
	for _, e := range came {
		if old := s.byID[e.id]; old != nil && old != e && !twoFolders(root, old, e) {
			f := s.folders[old.state]
			if f.entries[old.name] == old {
				f.forget(old)
			}
			old.gone, f.listed = true, time.Time{}
		}
		s.byID[e.id] = e
		s.unread = append(s.unread, e)
		delete(absent, e.id)
	}
}

// twoFolders tells whether entries of one identity are two folders all the
// same: some programs that copy set the time of creation, which Windows goes by.
func twoFolders(root *os.Root, a, b *entry) bool {
	one, err1 := root.Lstat(a.path())
	two, err2 := root.Lstat(b.path())
	return err1 == nil && err2 == nil && !os.SameFile(one, two)
}

func (e *entry) path() string { return e.state.Folder() + "/" + e.name }
