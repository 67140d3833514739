package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"qm/pkg/layout"
)

// Errors of the lock on a tree.
var (
	ErrHeld     = errors.New("another server holds the tree")
	ErrLockLost = errors.New("the lock of the tree is not ours any more")
)

// lockPatience is how long a lock that is held is asked for again: a child that
// a server had begun to fork when it was killed has the lock until its exec.
const lockPatience = time.Second

// Lock is held by the one server of a tree.
type Lock struct {
	dir  string // the tree
	file *flock.Flock
}

// TakeLock makes the tree's folder and .qm in it if need be, and takes the
// lock. ErrHeld tells who has it, as far as its heartbeat says.
func TakeLock(tree layout.Tree) (*Lock, error) {
	if err := os.MkdirAll(tree.Path(layout.Own), 0o755); err != nil {
		return nil, fmt.Errorf("make tree: %w", err)
	}
	dir, err := filepath.EvalSymlinks(string(tree))
	if err != nil {
		return nil, fmt.Errorf("find tree: %w", err)
	}
	file := flock.New(filepath.Join(dir, filepath.FromSlash(layout.LockFile)), flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	ctx, cancel := context.WithTimeout(context.Background(), lockPatience)
	defer cancel()
	got, err := file.TryLockContext(ctx, 20*time.Millisecond)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, fmt.Errorf("lock tree: %w", err)
	}
	if !got {
		return nil, fmt.Errorf("%w: %s", ErrHeld, holder(dir))
	}
	return &Lock{dir: dir, file: file}, nil
}

// holder tells who beats the heart of the tree at dir.
func holder(dir string) string {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err.Error()
	}
	defer root.Close()
	data, err := layout.ReadFile(root, layout.HeartbeatFile, layout.MaxStatus)
	if err != nil {
		return "it has not said yet who it is"
	}
	beat, err := layout.ParseHeartbeat(data)
	if err != nil {
		return "it has not said yet who it is"
	}
	return fmt.Sprintf("process %d on %s, since %s", beat.PID, beat.Host, beat.Started.Format(time.RFC3339))
}

// Release gives the tree free.
func (l *Lock) Release() error { return l.file.Close() }

// check returns ErrLockLost if what lies at the lock's place is not what is
// locked: another server can then have locked that.
func (l *Lock) check() error {
	held, err := l.file.Stat()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrLockLost, err)
	}
	there, err := os.Lstat(l.file.Path())
	if err != nil {
		return fmt.Errorf("%w: %w", ErrLockLost, err)
	}
	if !os.SameFile(held, there) {
		return fmt.Errorf("%w: another file lies at %s", ErrLockLost, l.file.Path())
	}
	return nil
}
