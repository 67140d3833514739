package snapshot

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"qm/pkg/layout"
)

// How much a scan reads. What is left over is read by the next one, so that
// the page comes at once however many jobs there are.
const (
	readBudget  = 300 * time.Millisecond // for what is new
	againBudget = 50 * time.Millisecond  // for what may have changed: whoever asks waits for it
	settleTime  = 10 * time.Second       // a folder that looks new is read again at each scan
	rereadTime  = 10 * time.Second       // info files of queued jobs may be edited
	rereadMost  = 100                    // such jobs in one scan
)

// scanner reads the tree again and again and keeps what does not change. One
// goroutine at a time may use it.
type scanner struct {
	tree    string
	id      identity // of the tree that all this is about
	names   []string // of info files
	watch   watch
	folders [len(layout.States)]*folder
	byID    map[identity]*entry
	unread  []*entry // newest first
	fresh   []*entry // read, but their folders looked new at that time
	sorted  [len(layout.States)][]*Job
	dirty   [len(layout.States)]bool
}

func newScanner(tree string, names []string) *scanner {
	s := &scanner{tree: tree, names: names}
	s.forget()
	return s
}

func (s *scanner) forget() {
	for _, st := range layout.States {
		s.folders[st] = &folder{state: st, entries: make(map[string]*entry)}
		s.sorted[st], s.dirty[st] = nil, false
	}
	s.byID = make(map[identity]*entry)
	s.unread, s.fresh = nil, nil
	s.id, s.watch = identity{}, watch{}
}

// open opens the tree. If it is another one than before, nothing of what was
// known holds; a heartbeat in it that differs does not tell of a living server.
func (s *scanner) open() (*os.Root, error) {
	root, err := openTree(s.tree)
	if err != nil {
		return nil, err
	}
	info, err := root.Stat(".")
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	if id := factsOf(info).id; id != s.id {
		s.forget()
		s.id = id
	}
	return root, nil
}

// scan reads what is new in the tree.
func (s *scanner) scan(now time.Time) *Snapshot {
	root, err := s.open()
	if err != nil {
		s.forget()
		return &Snapshot{At: now, Problem: treeProblem(s.tree, err)}
	}
	defer root.Close()
	s.list(root, now)
	s.read(root, now)
	server, queue := s.watch.look(root, now)
	snap := &Snapshot{At: now, Server: server}
	for _, e := range s.unread {
		if e.job.Unread && !e.gone {
			snap.Unread++
		}
	}
	for _, st := range layout.States {
		snap.Jobs[st] = s.jobs(st)
	}
	snap.Jobs[layout.Queued] = inLine(snap.Jobs[layout.Queued], queue, server.Alive)
	snap.Notes = s.notes(queue, server.Alive)
	return snap
}

func treeProblem(tree string, err error) string {
	if os.IsNotExist(err) {
		return fmt.Sprintf("There is no folder %s yet. It appears when qmserver starts with this QM_FOLDER.", layout.Display(tree))
	}
	return fmt.Sprintf("The folder %s can't be read: %s.", layout.Display(tree), plainError(err))
}

// read reads the running jobs and, as far as the budget goes, what is new and
// what may have changed.
func (s *scanner) read(root *os.Root, now time.Time) {
	dirs := openFolders(root)
	defer dirs.close()
	for _, e := range s.folders[layout.Running].entries {
		s.readOne(dirs, e, now)
	}
	slices.SortStableFunc(s.unread, func(a, b *entry) int { return b.changed.Compare(a.changed) })
	until := time.Now().Add(readBudget)
	fresh := s.fresh
	s.fresh = nil
	s.unread = s.readSome(dirs, s.unread, now, until)
	until = time.Now().Add(againBudget)
	s.fresh = append(s.fresh, s.readSome(dirs, fresh, now, until)...)
	s.readSome(dirs, s.oldest(now), now, until)
}

// readSome reads entries until the time is up and returns the rest.
func (s *scanner) readSome(dirs *folders, todo []*entry, now, until time.Time) []*entry {
	for i, e := range todo {
		if time.Now().After(until) {
			return slices.Clone(todo[i:])
		}
		if e.gone || e.read.Equal(now) {
			continue
		}
		s.readOne(dirs, e, now)
		if !e.settled(now) {
			s.fresh = append(s.fresh, e)
		}
	}
	return nil
}

func (s *scanner) readOne(dirs *folders, e *entry, now time.Time) {
	e.job = readSafely(dirs[e.state], e, s.names, now)
	e.read = now
	s.dirty[e.state] = true
}

// settled tells that nobody is about to write more into the folder: it looks
// as it did a while ago, by our clock or by the file system's.
func (e *entry) settled(now time.Time) bool {
	return now.Sub(e.seen) > settleTime || now.Sub(e.changed) > settleTime
}

// oldest returns queued jobs whose info file may have been edited since it was
// read, the longest ago first.
func (s *scanner) oldest(now time.Time) []*entry {
	var old []*entry
	for _, e := range s.folders[layout.Queued].entries {
		if !e.read.IsZero() && now.Sub(e.read) > rereadTime {
			old = append(old, e)
		}
	}
	slices.SortFunc(old, func(a, b *entry) int { return a.read.Compare(b.read) })
	return old[:min(len(old), rereadMost)]
}

// jobs returns the jobs of a state in the order to show: running ones in the
// order of their start, the others newest first. The slice is not changed
// afterwards.
func (s *scanner) jobs(st layout.State) []*Job {
	if !s.dirty[st] {
		return s.sorted[st]
	}
	jobs := make([]*Job, 0, len(s.folders[st].entries))
	for _, e := range s.folders[st].entries {
		jobs = append(jobs, e.job)
	}
	slices.SortFunc(jobs, func(a, b *Job) int { return cmpJobs(a.key(), b.key()) })
	s.sorted[st], s.dirty[st] = jobs, false
	return jobs
}

// key is what jobs of one state are sorted by.
type key struct {
	at   int64 // ns; negated where the newest comes first
	name string
}

func (j *Job) key() key {
	at := j.shown().UnixNano()
	if j.State != layout.Running {
		at = -at
	}
	return key{at, j.Name}
}

func cmpJobs(a, b key) int {
	return cmp.Or(cmp.Compare(a.at, b.at), strings.Compare(a.name, b.name))
}

// notes are ours and, while it lives, the server's; where both speak of one
// thing, the server knows better.
func (s *scanner) notes(queue *layout.Queue, alive bool) []layout.Note {
	var notes []layout.Note
	told := make(map[[2]string]bool)
	if queue != nil && alive {
		for _, n := range queue.Notes {
			told[[2]string{n.Folder, n.ID}] = true
			notes = append(notes, n)
		}
	}
	for _, f := range s.folders {
		if f.problem != "" {
			notes = append(notes, layout.Note{Folder: f.state.Folder(), Text: f.problem})
		}
		for _, n := range f.notes {
			if !told[[2]string{n.Folder, n.ID}] {
				notes = append(notes, n)
			}
		}
	}
	slices.SortStableFunc(notes, func(a, b layout.Note) int {
		return cmp.Or(strings.Compare(a.Folder, b.Folder), strings.Compare(a.ID, b.ID))
	})
	return notes
}
