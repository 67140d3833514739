package snapshot

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"

	"qm/pkg/layout"
)

// identity is who a folder is, whatever it is called and wherever it lies.
type identity struct{ dev, ino uint64 }

// facts are what a look at a folder from outside tells.
type facts struct {
	id      identity
	changed time.Time // ctime; the modification time where there is none
	uid     int       // -1 where there is none
}

// entry is a folder of a job as it was last seen.
type entry struct {
	facts
	name  string
	state layout.State
	gone  bool

	seen    time.Time // by our monotonic clock: when it first looked so
	checked time.Time // when it was last looked at from outside
	read    time.Time // when it was last read; zero: never
	job     *Job      // never nil
	tail    tail      // of the log of a running job
}

// How long listings are trusted. A folder that did not change is not listed
// again until relistAfter, a job in a folder of many is not looked at again
// until recheckAfter. Of two changes within a tick of the file system's clock
// (2 s on FAT) the stamp shows but one.
const (
	tick         = 2 * time.Second
	relistAfter  = 10 * time.Second
	recheckAfter = 30 * time.Second
	manyJobs     = 1000
)

// folder is one of the four folders: its jobs and how its listing was made.
type folder struct {
	state   layout.State
	entries map[string]*entry
	notes   []layout.Note
	problem string    // why it can't be listed
	stamp   stamp     // of the folder when it was last listed
	since   time.Time // when it was first seen with this stamp
	listed  time.Time // zero: never, or it has to be listed anew
}

type stamp struct {
	id                identity
	modified, changed time.Time
}

// list brings the folder up to date and returns the jobs that came and went.
func (f *folder) list(root *os.Root, now time.Time) (came, went []*entry) {
	dir, err := layout.OpenJob(root, f.state.Folder())
	if err != nil {
		return nil, f.fail(err)
	}
	defer dir.Close()
	info, err := dir.Stat(".")
	if err != nil {
		return nil, f.fail(err)
	}
	st := stamp{factsOf(info).id, info.ModTime(), factsOf(info).changed}
	if st != f.stamp {
		f.stamp, f.since = st, now
	} else if f.listed.Sub(f.since) > tick && now.Sub(f.listed) < relistAfter {
		return nil, nil
	}
	names, err := namesIn(dir)
	if err != nil {
		return nil, f.fail(err)
	}
	f.listed, f.problem = now, ""
	return f.update(dir, names, now)
}

func (f *folder) fail(err error) (went []*entry) {
	f.problem = ""
	if !errors.Is(err, fs.ErrNotExist) {
		f.problem = "this folder can't be read: " + plainError(err)
	}
	for _, e := range f.entries {
		went = append(went, e)
	}
	clear(f.entries)
	f.stamp, f.listed, f.notes = stamp{}, time.Time{}, nil
	return went
}

func namesIn(dir *os.Root) ([]string, error) {
	d, err := dir.Open(".")
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return d.Readdirnames(-1)
}

// update compares the names with the jobs that are known.
func (f *folder) update(dir *os.Root, names []string, now time.Time) (came, went []*entry) {
	f.notes = nil
	present := make(map[string]bool, len(names))
	for _, name := range names {
		if notListed(f.state, name) {
			continue
		}
		old := f.entries[name]
		if old != nil && len(names) > manyJobs && now.Sub(old.checked) < recheckAfter {
			present[name] = true
			continue
		}
		info, err := dir.Lstat(name)
		if err != nil {
			continue // gone since it was listed
		}
		if !info.IsDir() {
			f.notes = append(f.notes, f.noJob(name, info))
			continue
		}
		present[name] = true
		e, news := f.meet(name, factsOf(info), now)
		if news {
			came = append(came, e)
		}
		if old != nil && old != e {
			went = append(went, old)
		}
	}
	for name, e := range f.entries {
		if !present[name] {
			went = append(went, e)
			delete(f.entries, name)
		}
	}
	return came, went
}

// meet returns the entry for a folder that looks like this, and whether it has
// to be read: it is new, or changed since.
func (f *folder) meet(name string, now facts, at time.Time) (e *entry, news bool) {
	old := f.entries[name]
	if old == nil || old.id != now.id {
		e = &entry{facts: now, name: name, state: f.state, seen: at, checked: at}
		e.job = e.unread()
		f.entries[name] = e
		return e, true
	}
	old.checked = at
	if old.changed.Equal(now.changed) {
		return old, false
	}
	old.facts, old.seen = now, at
	return old, true
}

// noJob is the note for what is no folder.
func (f *folder) noJob(name string, info fs.FileInfo) layout.Note {
	text := "this is a file, not a job: drop a folder that holds the info file and all that the job needs"
	if info.Mode()&fs.ModeSymlink != 0 {
		text = "this is a link, not a job: drop the folder itself"
	}
	return layout.Note{Folder: f.state.Folder(), ID: layout.ID(name), Text: text}
}

// notListed tells of names that are neither jobs nor worth a note: hidden
// ones, control files, what is still being uploaded, and the folders that
// other systems put everywhere.
func notListed(state layout.State, name string) bool {
	switch name {
	case "@eaDir", "#recycle", "System Volume Information", "desktop.ini", "Thumbs.db":
		return true
	}
	if strings.HasPrefix(name, ".") {
		return true
	}
	if state != layout.Queued {
		return false
	}
	if strings.HasPrefix(name, "~") || layout.IsControl(name, layout.Pause) {
		return true
	}
	lower := strings.ToLower(name)
	for _, ending := range []string{".part", ".partial", ".tmp", ".filepart", ".crdownload"} {
		if strings.HasSuffix(lower, ending) {
			return true
		}
	}
	return false
}

// plainError returns the cause of a file error, without the path that stands
// beside it on the page anyway.
func plainError(err error) string {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err.Error()
	}
	return err.Error()
}
