package snapshot

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"qm/pkg/layout"
)

// How old a snapshot may be for those who ask, and how long they wait for a
// younger one: a dead network mount must not hold up the page.
const (
	maxAge    = time.Second
	maxWait   = 2 * time.Second
	firstWait = 4 * time.Second // while there is none at all
	silence   = 2 * time.Second // without a sign of the disk: it does not answer
)

// ErrSilent says that the tree does not answer: a network mount is dead, or a
// disk.
var ErrSilent = errors.New("the tree does not answer")

// Store hands out snapshots of a tree. It reads the tree only while somebody
// asks. All methods may be called concurrently.
type Store struct {
	tree    string
	read    reader
	maxAge  time.Duration
	current atomic.Pointer[Snapshot]
	sign    atomic.Int64 // instant at which the disk answered last

	mu    sync.Mutex
	tried time.Time     // when the last scan that ended began
	busy  chan struct{} // closed when the scan that goes on has ended; nil: none goes on
	began time.Time     // when it began
	scan  *scanner      // used by that scan alone
	spent spent
}

// NewStore returns a store for the tree at this path, which need not exist.
// The names are those that an info file may have. Nothing is read yet.
func NewStore(tree string, infoNames []string) *Store {
	s := &Store{tree: tree, read: reader{names: infoNames}, maxAge: maxAge, scan: newScanner(tree, infoNames)}
	s.scan.pulse = func() { s.sign.Store(int64(instantOf(time.Now()))) }
	return s
}

// See says how much of the tree is seen. It has to be called before all else.
func (s *Store) See(v Sight) { s.read.sight, s.scan.sight = v, v }

// Sight returns how much of the tree is seen.
func (s *Store) Sight() Sight { return s.read.sight }

// Get returns a snapshot that is at most a second old. Where the tree does not
// answer in time it returns the last one, whose age then tells.
func (s *Store) Get() *Snapshot { return s.since(time.Now().Add(-s.maxAge)) }

// since is Get for a snapshot that was begun at this time or later.
func (s *Store) since(oldest time.Time) *Snapshot {
	asked := time.Now()
	for {
		done, began := s.refreshSince(oldest)
		if done == nil {
			return s.current.Load()
		}
		left := s.patience(s.current.Load(), asked, began)
		if left <= 0 {
			return s.lastOr(oldest)
		}
		timer := time.NewTimer(left)
		select {
		case <-done:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// patience is how long it is still worth to wait for the scan that goes on. It
// counts from the scan's beginning where that is long ago, so that only the
// first who ask a dead disk have to wait.
func (s *Store) patience(snap *Snapshot, asked, began time.Time) time.Duration {
	if snap == nil {
		return time.Until(began.Add(firstWait))
	}
	return min(time.Until(asked.Add(maxWait)), time.Until(began.Add(maxWait)))
}

func (s *Store) lastOr(oldest time.Time) *Snapshot {
	if snap := s.current.Load(); snap != nil {
		return snap
	}
	problem := "The folder " + layout.Display(s.tree) + " does not answer yet."
	if !s.Silent() {
		problem = "The folder " + layout.Display(s.tree) + " is being read for the first time."
	}
	return &Snapshot{At: oldest, Problem: problem}
}

// refreshSince is refresh unless there was a scan that was begun at this time or
// later; then done is nil.
func (s *Store) refreshSince(oldest time.Time) (done <-chan struct{}, began time.Time) {
	s.mu.Lock()
	fresh := !s.tried.Before(oldest)
	s.mu.Unlock()
	if fresh {
		return nil, time.Time{}
	}
	return s.refresh()
}

// refresh begins a scan unless one goes on. The channel is closed when it has
// ended.
func (s *Store) refresh() (done <-chan struct{}, began time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy == nil {
		s.busy, s.began = make(chan struct{}), time.Now()
		s.scan.pulse()
		go s.run(s.busy)
	}
	return s.busy, s.began
}

func (s *Store) run(done chan struct{}) {
	began := time.Now()
	snap := s.scan.scan(began)
	s.current.Store(snap)
	s.spent.scanned(snap.Unread)
	s.mu.Lock()
	s.busy, s.tried = nil, began
	s.mu.Unlock()
	close(done)
	if snap.Unread > 0 {
		s.refresh()
	}
}

// Silent tells that the tree was asked and does not answer.
func (s *Store) Silent() bool {
	s.mu.Lock()
	busy := s.busy != nil
	s.mu.Unlock()
	return busy && instant(s.sign.Load()).before(instantOf(time.Now())) > silence
}

// Probe asks the tree for a sign of life, without waiting for it, if none was
// had of late. Silent tells what came of it.
func (s *Store) Probe() { s.refreshSince(time.Now().Add(-s.maxAge)) }

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
	folder, err := s.read.sight.OpenJob(root, st.Folder())
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	return s.read.sight.OpenJob(folder, name)
}

// Detail reads a job whose folder is open, its texts longer than lists have
// them. What only the server knows, such as its place in the queue, is as in Get.
func (s *Store) Detail(dir *os.Root, st layout.State, name string) (*Detail, error) {
	info, err := dir.Stat(".")
	if err != nil {
		return nil, err
	}
	d := s.read.readJob(dir, &entry{facts: factsOf(info), name: name, state: st}, time.Now())
	d.bound()
	if st != layout.Queued && st != layout.Running {
		return d, nil
	}
	switch seen := s.Get().Find(st, name); {
	case seen == nil:
	case st == layout.Queued:
		d.Reason, d.Position, d.Arriving, d.Submitted = seen.Reason, seen.Position, seen.Arriving, seen.Submitted
	case seen.Slurm != "":
		d.Slurm, d.Silent, d.Submitted, d.Started = seen.Slurm, seen.Silent, seen.Submitted, seen.Started
	}
	return d, nil
}
