package snapshot

import (
	"time"

	"qm/pkg/layout"
)

// Newest returns the job that Snapshot.Newest finds, also one that came a
// moment ago.
func (s *Store) Newest(name string) *Job {
	if j := s.Get().Newest(name); j != nil {
		return j // if it was moved on since, Moved tells whereto
	}
	return s.lookUp(name, (*Snapshot).Newest)
}

// Moved returns the job that Snapshot.Moved finds once the tree was read anew.
func (s *Store) Moved(name string) *Job { return s.lookUp(name, (*Snapshot).Moved) }

func (s *Store) lookUp(name string, find func(*Snapshot, string) *Job) *Job {
	if j := find(s.since(time.Now()), name); j != nil {
		return j
	}
	return s.lookInTree(name)
}

// lookInTree finds a job that the listings lack: those of a network file
// system may be half a minute old, and one that is moved back while they are
// read for the first time is in none. Of the job only name and state are known.
func (s *Store) lookInTree(name string) *Job {
	root, err := openTree(s.tree)
	if err != nil {
		return nil
	}
	defer root.Close()
	for range 2 { // it may be moved back meanwhile
		for _, st := range layout.States {
			if info, err := root.Lstat(st.Folder() + "/" + name); err == nil && info.IsDir() {
				return &Job{Name: name, State: st, Took: -1, CPUSeconds: -1, Unread: true}
			}
		}
	}
	return nil
}
