package snapshot

import (
	"os"
	"sync"
	"sync/atomic"
	"time"

	"qm/pkg/layout"
)

// How old a snapshot may be for those who ask, and how long they wait for a
// younger one: a dead network mount must not hold up the page.
const (
	maxAge  = time.Second
	maxWait = 2 * time.Second
)

// Store hands out snapshots of a tree. It reads the tree only while somebody
// asks. All methods may be called concurrently.
type Store struct {
	tree    string
	names   []string
	maxAge  time.Duration
	current atomic.Pointer[Snapshot]

	mu   sync.Mutex
	busy chan struct{} // closed when the scan that goes on has ended; nil: none goes on
	scan *scanner      // used by that scan alone
}

// NewStore returns a store for the tree at this path, which need not exist.
// The names are those that an info file may have. Nothing is read yet.
func NewStore(tree string, infoNames []string) *Store {
	return &Store{tree: tree, names: infoNames, maxAge: maxAge, scan: newScanner(tree, infoNames)}
}

// Get returns a snapshot that is at most a second old. Where the tree does not
// answer in time it returns the last one, whose age then tells.
func (s *Store) Get() *Snapshot { return s.since(time.Now().Add(-s.maxAge)) }

// since is Get for a snapshot that was begun at this time or later.
func (s *Store) since(oldest time.Time) *Snapshot {
	patience := time.NewTimer(maxWait)
	defer patience.Stop()
	for {
		if snap := s.current.Load(); snap != nil && !snap.At.Before(oldest) {
			return snap
		}
		select {
		case <-s.refresh():
		case <-patience.C:
			if snap := s.current.Load(); snap != nil {
				return snap
			}
			return &Snapshot{At: oldest, Problem: "The folder " + layout.Display(s.tree) + " does not answer yet."}
		}
	}
}

// refresh begins a scan unless one goes on. The channel is closed when it has
// ended.
func (s *Store) refresh() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy == nil {
		s.busy = make(chan struct{})
		go s.run(s.busy)
	}
	return s.busy
}

func (s *Store) run(done chan struct{}) {
	snap := s.scan.scan(time.Now())
	s.current.Store(snap)
	s.mu.Lock()
	s.busy = nil
	s.mu.Unlock()
	close(done)
	if snap.Unread > 0 {
		s.refresh()
	}
}

// openTree opens a tree. The dot refuses what is no folder without waiting for
// it, as opening a FIFO would.
func openTree(path string) (*os.Root, error) { return os.OpenRoot(path + "/.") }

// OpenJob opens the folder of a job. The caller closes it.
func (s *Store) OpenJob(st layout.State, name string) (*os.Root, error) {
	root, err := openTree(s.tree)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	folder, err := layout.OpenJob(root, st.Folder())
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	return layout.OpenJob(folder, name)
}

// Detail reads a job whose folder is open, its texts in full length. What only
// the server knows, such as its place in the queue, is as in Get.
func (s *Store) Detail(dir *os.Root, st layout.State, name string) (*Detail, error) {
	info, err := dir.Stat(".")
	if err != nil {
		return nil, err
	}
	d := readJob(dir, &entry{facts: factsOf(info), name: name, state: st}, s.names, time.Now())
	if st != layout.Queued {
		return d, nil
	}
	if seen := s.Get().Find(st, name); seen != nil {
		d.Reason, d.Position, d.Arriving, d.Submitted = seen.Reason, seen.Position, seen.Arriving, seen.Submitted
	}
	return d, nil
}
