package snapshot

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
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
	readers     = 8                      // that read side by side
	readBatch   = 64                     // entries that they read before the time is looked at
)

// scanner reads the tree again and again and keeps what does not change. One
// goroutine at a time may use it.
type scanner struct {
	reader
	tree    string
	id      identity // of the tree that all this is about
	news    *news
	pulse   func() // called again and again while the disk answers
	watch   watch
	folders [len(layout.States)]*folder
	byID    map[identity]*entry
	unread  []*entry // newest first
	fresh   []*entry // read, but their folders looked new at that time
	waiting waiting
	last    *Snapshot
	line    line
	cluster cluster
}

func newScanner(tree string, names []string) *scanner {
	s := &scanner{reader: reader{names: names}, tree: tree, news: newNews(), pulse: func() {}, last: &Snapshot{}}
	s.forget()
	return s
}

func (s *scanner) forget() {
	same := make(owners)
	for _, st := range layout.States {
		s.folders[st] = s.newFolder(st, same)
	}
	s.byID = make(map[identity]*entry)
	s.unread, s.fresh = nil, nil
	s.id, s.watch, s.line, s.waiting = identity{}, watch{}, line{}, newWaiting()
	s.cluster = cluster{}
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

// scan reads what is new in the tree. Where that fails at this moment, it
// returns the last snapshot again.
func (s *scanner) scan(now time.Time) *Snapshot {
	root, err := s.open()
	switch {
	case err == nil:
		defer root.Close()
		return s.publish(s.look(root, now), now)
	case passing(err) && s.last.Problem == "" && s.last.Version > 0:
		return s.last
	}
	s.forget()
	return s.publish(&Snapshot{Problem: treeProblem(s.tree, err)}, now)
}

// publish completes a snapshot.
func (s *scanner) publish(snap *Snapshot, now time.Time) *Snapshot {
	snap.At = now
	s.pulse()
	if s.last.says(snap) {
		snap.Version, snap.arriving, snap.owners = s.last.Version, s.last.arriving, s.last.owners
	} else {
		snap.Version = s.last.Version + 1
		snap.complete()
	}
	s.last = snap
	return snap
}

func (s *scanner) look(root *os.Root, now time.Time) *Snapshot {
	s.list(root, now)
	s.read(root, now)
	server, queue := s.watch.look(root, now)
	snap := &Snapshot{Server: server}
	for _, e := range s.unread {
		if e.job.is(isUnread) && !e.gone {
			snap.Unread++
		}
	}
	for _, st := range layout.States {
		snap.lists[st], _ = s.folders[st].ordered.list()
	}
	snap.lists[layout.Queued] = s.line.stand(snap.lists[layout.Queued], queue, server.Alive)
	snap.lists[layout.Running] = s.cluster.stand(snap.lists[layout.Running], queue, &server)
	snap.Notes = s.notes(queue, server.Alive)
	return snap
}

// says tells whether two snapshots say the same. While the server lives, its
// heartbeat as such is not news.
func (s *Snapshot) says(o *Snapshot) bool {
	a, b := s.Server, o.Server
	if a.Alive && b.Alive {
		a.Beat = b.Beat
	}
	for st := range s.lists {
		if len(s.lists[st]) != len(o.lists[st]) || len(s.lists[st]) > 0 && &s.lists[st][0] != &o.lists[st][0] {
			return false
		}
	}
	return s.Problem == o.Problem && s.Unread == o.Unread && slices.Equal(s.Notes, o.Notes) && reflect.DeepEqual(a, b) && s.owners != nil
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
	dirs := s.openFolders(root)
	defer dirs.close()
	s.readBeside(dirs, slices.Collect(maps.Values(s.folders[layout.Running].entries)), now)
	s.newestFirst()
	until := time.Now().Add(readBudget)
	fresh := s.fresh
	s.fresh = nil
	s.unread = s.readSome(dirs, s.unread, now, until)
	until = time.Now().Add(againBudget)
	s.fresh = append(s.fresh, s.readSome(dirs, fresh, now, until)...)
	queued := s.folders[layout.Queued]
	s.fresh = append(s.fresh, s.readSome(dirs, s.waiting.edited(dirs.dirs[layout.Queued], queued, s.line.first(), s.names, until), now, until)...)
	s.waiting.forgetGone(queued)
}

// newestFirst sorts what is not read yet, if there is something new in it.
func (s *scanner) newestFirst() {
	newer := func(a, b *entry) int { return cmp.Compare(b.changed, a.changed) }
	if !slices.IsSortedFunc(s.unread, newer) {
		slices.SortStableFunc(s.unread, newer)
	}
}

// readSome reads entries until the time is up and returns the rest.
func (s *scanner) readSome(dirs *folders, todo []*entry, now, until time.Time) []*entry {
	for len(todo) > 0 {
		if time.Now().After(until) {
			return slices.Clone(todo)
		}
		some := todo[:min(len(todo), readBatch)]
		todo = todo[len(some):]
		some = slices.DeleteFunc(slices.Clone(some), func(e *entry) bool { return e.gone || e.read == instantOf(now) })
		s.readBeside(dirs, some, now)
		for _, e := range some {
			if !e.settled(now) {
				s.fresh = append(s.fresh, e)
			}
		}
	}
	return nil
}

// readBeside reads entries side by side: a disk that is far away, or turns,
// lets each of them wait.
func (s *scanner) readBeside(dirs *folders, some []*entry, now time.Time) {
	read := make([]*Job, len(some))
	beside(readers, len(some), func(i int) {
		read[i] = s.readSafely(dirs, some[i], now)
		s.pulse()
	})
	for i, e := range some {
		s.keep(e, read[i], now)
	}
}

// keep makes what was read what is known; nil: nothing new is.
func (s *scanner) keep(e *entry, j *Job, now time.Time) {
	e.read = instantOf(now)
	if j != nil {
		f := s.folders[e.state]
		f.put(e, pack(j, f.owners))
	}
}

// settled tells that nobody is about to write more into the folder: it looks
// as it did a while ago, by our clock or by the file system's. Where the end of a
// job is told, it was told before the folder was moved to where it is.
func (e *entry) settled(now time.Time) bool {
	after := settleTime
	if e.state == layout.Done && e.job.outcome > 0 {
		after = tick
	}
	return e.seen.before(instantOf(now)) > after || now.Sub(fromNano(e.changed)) > after
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
