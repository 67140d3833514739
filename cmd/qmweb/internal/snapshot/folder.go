package snapshot

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"syscall"
	"time"

	"qm/pkg/layout"
)

// identity is who a folder is, whatever it is called and wherever it lies.
type identity struct{ dev, ino uint64 }

// facts are what a look at a folder from outside tells.
type facts struct {
	id      identity
	changed int64 // ctime, Unix ns; the modification time where there is none
	uid     int32 // -1 where there is none
}

// instant is a time by our monotonic clock, in ns; 0: never.
type instant int64

var epoch = time.Now() // any time: only differences of instants count

func instantOf(t time.Time) instant { return instant(t.Sub(epoch)) | 1 }

func (i instant) before(now instant) time.Duration { return time.Duration(now - i) }

// entry is a folder of a job as it was last seen. There is one for each job,
// so it is kept small.
type entry struct {
	facts
	name  string
	state layout.State
	gone  bool

	present bool    // met by the listing that is being compared
	seen    instant // when it first looked so
	checked instant // when it was last looked at from outside
	read    instant // when it was last read
	job     *packed // never nil
	tail    *tail   // of the log of a running job; else nil
}

// How long listings are trusted. A folder that did not change is not listed
// again until relistAfter, or longer if that takes long; a job in a folder of
// many is not looked at again until recheckAfter, and then only so many of
// them at once. Of two changes within a tick of the file system's clock (2 s on
// FAT) the stamp shows but one.
const (
	tick         = 2 * time.Second
	relistAfter  = 10 * time.Second
	relistCost   = 300 // times what a listing takes
	recheckAfter = 30 * time.Second
	recheckMost  = 1000
	manyJobs     = 1000
)

// folder is one of the four folders: its jobs and how its listing was made.
type folder struct {
	state   layout.State
	entries map[string]*entry
	ordered ordered
	owners  owners
	notes   []layout.Note
	problem string        // why it can't be listed
	stamp   stamp         // of the folder when it was last listed
	since   time.Time     // when it was first seen with this stamp
	listed  time.Time     // zero: never, or it has to be listed anew
	cost    time.Duration // of the last listing
	pulse   func()        // called again and again while the disk answers
	path    string
	news    *news // shared by all folders
}

func (s *scanner) newFolder(st layout.State, o owners) *folder {
	return &folder{
		state: st, entries: make(map[string]*entry), owners: o, pulse: func() { s.pulse() },
		path: layout.Tree(s.tree).Folder(st), news: s.news,
	}
}

type stamp struct {
	id                identity
	modified, changed int64
}

func stampOf(info fs.FileInfo) stamp {
	at := factsOf(info)
	return stamp{at.id, info.ModTime().UnixNano(), at.changed}
}

// put makes this what is known of a job.
func (f *folder) put(e *entry, p *packed) {
	if e.job != nil {
		if e.job.same(p) {
			return
		}
		f.ordered.remove(e.job)
	}
	f.ordered.add(p)
	e.job = p
	e.name = p.name() // one string is enough
}

// forget removes a job.
func (f *folder) forget(e *entry) {
	delete(f.entries, e.name)
	f.ordered.remove(e.job)
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
	st := stampOf(info)
	names, sure := f.news.since(f.state, st.id)
	changed := st != f.stamp
	recent := !f.listed.IsZero() && now.Sub(f.listed) < max(relistAfter, relistCost*f.cost)
	if changed {
		f.stamp, f.since = st, now
	}
	switch {
	case sure && recent && (len(names) > 0 || !changed): // what is told explains all
		return f.hear(dir, names, instantOf(now))
	case !changed && recent && f.listed.Sub(f.since) > tick:
		return nil, nil
	}
	f.news.begin(f.state, dir, f.path, st.id)
	return f.listAll(dir, now)
}

// listAll lists the folder anew.
func (f *folder) listAll(dir *os.Root, now time.Time) (came, went []*entry) {
	began := time.Now()
	names, err := f.namesIn(dir)
	if err != nil {
		return nil, f.fail(err)
	}
	f.listed, f.problem = now, ""
	came, went = f.update(dir, names, instantOf(now))
	f.cost = time.Since(began)
	return came, went
}

// fail returns the jobs that are gone because the folder is. Where it only can't
// be read at this moment they stay as they were.
func (f *folder) fail(err error) (went []*entry) {
	f.problem = ""
	if !errors.Is(err, fs.ErrNotExist) {
		f.problem = "this folder can't be read: " + plainError(err)
	}
	f.stamp, f.listed = stamp{}, time.Time{}
	if passing(err) {
		return nil
	}
	for _, e := range f.entries {
		went = append(went, e)
	}
	for _, e := range went {
		f.forget(e)
	}
	f.notes = nil
	return went
}

// passing tells whether an error says nothing of what there is, but that the
// disk or the network share did not give it.
func passing(err error) bool {
	for _, lasting := range []error{fs.ErrNotExist, fs.ErrPermission, layout.ErrNotFolder, syscall.ENOTDIR, syscall.ELOOP, syscall.ENAMETOOLONG} {
		if errors.Is(err, lasting) {
			return false
		}
	}
	return true
}

func (f *folder) namesIn(dir *os.Root) ([]string, error) {
	d, err := dir.Open(".")
	if err != nil {
		return nil, err
	}
	defer d.Close()
	var names []string
	for {
		some, err := d.Readdirnames(4096)
		names = append(names, some...)
		f.pulse()
		if errors.Is(err, io.EOF) {
			return names, nil
		} else if err != nil {
			return nil, err
		}
	}
}

// hear looks at names that something happened to, and at no others.
func (f *folder) hear(dir *os.Root, changed map[string]bool, now instant) (came, went []*entry) {
	if len(changed) == 0 {
		return nil, nil
	}
	names := slices.Collect(maps.Keys(changed))
	f.notes = slices.DeleteFunc(f.notes, func(n layout.Note) bool {
		name, err := layout.NameOfID(n.ID)
		return err == nil && n.ID != "" && changed[name]
	})
	came, went = f.compare(dir, slices.DeleteFunc(slices.Clone(names), func(name string) bool { return notListed(f.state, name) }), now)
	for _, name := range names {
		e := f.entries[name]
		if e == nil {
			continue
		}
		if !e.present {
			went = append(went, e)
			f.forget(e)
		}
		e.present = false
	}
	return came, went
}

// compare looks at names and marks the jobs that are there as present.
func (f *folder) compare(dir *os.Root, names []string, now instant) (came, went []*entry) {
	for some := range slices.Chunk(names, lookBatch) {
		for i, l := range f.lookAt(dir, some) {
			switch name := some[i]; {
			case !l.there: // gone since it was listed
			case !l.mode.IsDir():
				f.note(name, l.mode)
			default:
				old := f.entries[name]
				e, news := f.meet(name, l.facts, now)
				e.present = true
				if news {
					came = append(came, e)
				}
				if old != nil && old != e {
					went = append(went, old)
				}
			}
		}
	}
	return came, went
}

// update compares the names with the jobs that are known.
func (f *folder) update(dir *os.Root, names []string, now instant) (came, went []*entry) {
	f.notes = nil
	came, went = f.compare(dir, f.toLookAt(names, now), now)
	for _, e := range f.entries {
		if !e.present {
			went = append(went, e)
			f.forget(e)
		}
		e.present = false
	}
	return came, went
}

// meet returns the entry for a folder that looks like this, and whether it has
// to be read: it is new, or changed since.
func (f *folder) meet(name string, now facts, at instant) (e *entry, news bool) {
	old := f.entries[name]
	if old == nil || old.id != now.id {
		if old != nil {
			f.forget(old)
		}
		e = &entry{facts: now, name: name, state: f.state, seen: at, checked: at}
		f.put(e, e.unread(f.owners))
		f.entries[e.name] = e
		return e, true
	}
	old.checked = at
	if old.changed == now.changed {
		return old, false
	}
	old.facts, old.seen = now, at
	return old, true
}

// plainError returns the cause of a file error, without the path that stands
// beside it on the page anyway.
func plainError(err error) string {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err.Error()
	}
	return err.Error()
}
