// Package launch starts claimed jobs and tells how they ended. Local runs them
// on this machine, each under a supervisor process; Slurm gives them to Slurm.
package launch

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"qm/cmd/qmserver/internal/cgroup"
	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/proc"
	"qm/cmd/qmserver/internal/runfile"
	"qm/cmd/qmserver/internal/supervise"
	"qm/pkg/layout"
)

const (
	idleFor = 5 * time.Second        // after which a supervisor is let go
	wornFor = 100 * time.Millisecond // the same for one that has grown by its work
	maxJobs = 1000                   // of one supervisor, if it is not worn before: its run file stays small
)

// Local starts jobs on this machine. Its methods are called by one goroutine,
// unless they say otherwise; Events may be received by any.
type Local struct {
	dir      *os.Root // .qm/run of the tree
	shared   bool     // this process has, or may get, children that are none of ours
	accounts *Accounts
	groups   *cgroup.Groups
	user     string // as whom the jobs run where they do not run as their owners
	log      *slog.Logger
	events   chan Event
	closed   chan struct{}

	strays map[string]bool // run files that were taken away or can't be read: something of their runs may be left

	mu      sync.Mutex   // guards all below, and the fields of the supervisors
	missing map[int]bool // whose run files are; see missingMark
	count   int
	own     map[string]*supervisor    // by run file
	told    map[runfile.Folder]string // the run file that tells of an earlier run of a folder
	adopted map[string]disk.Identity  // run files of an earlier server's supervisors
}

// NewLocal makes the folder of the run files if need be. Without accounts all
// jobs run as this process's user; without groups none is in one of its own.
func NewLocal(tree layout.Tree, accounts *Accounts, groups *cgroup.Groups, log *slog.Logger) (*Local, error) {
	// What a shell started before it became this process, or what falls to the
	// first process of a container.
	shared := os.Getpid() == 1 || len(proc.Children()) > 0
	// What a dead supervisor leaves falls to this process; see endLeftovers.
	if err := proc.Adopt(); err != nil {
		return nil, err
	}
	proc.KeepDescriptors()
	path, err := filepath.Abs(tree.Path(layout.RunDir))
	if err != nil {
		return nil, err
	}
	if err := makeRunDir(path); err != nil {
		return nil, err
	}
	copied, err := settleIn(path)
	if err != nil {
		return nil, err
	}
	if copied {
		log.Warn("the tree was copied or put back: what lies in QM_Jobs may have run, and is parked")
	}
	missing, err := missingMarks(path)
	if err != nil {
		return nil, err
	}
	dir, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &Local{
		dir: dir, missing: missing, shared: shared, accounts: accounts, groups: groups, user: userName(), log: log,
		events:  make(chan Event, 1024), // so that no supervisor waits while we ask another
		closed:  make(chan struct{}),
		strays:  make(map[string]bool),
		own:     make(map[string]*supervisor),
		told:    make(map[runfile.Folder]string),
		adopted: make(map[string]disk.Identity),
	}, nil
}

// Events tells how the jobs ended.
func (l *Local) Events() <-chan Event { return l.events }

// Start gives a job to an idle supervisor of its owner's, or to a new one. An
// error means that it was given to none.
func (l *Local) Start(job supervise.Job, uid int) error {
	_, err := l.give(job.Identity, uid, func(run string) supervise.Task {
		job.Run = run
		job.StopFile = l.stopFile(run, job.Identity)
		job.User = l.nameOf(uid)
		job.Group = l.groups.PathFor(run)
		return supervise.Task{Run: &job}
	})
	return err
}

func (l *Local) nameOf(uid int) string {
	if l.accounts == nil {
		return l.user
	}
	if acc, err := l.accounts.of(uid); err == nil {
		return acc.Name
	}
	return fmt.Sprintf("uid %d", uid)
}

// Stop asks the supervisor of a running job to stop it: our own by its stdin,
// that of an adopted one, and one that does not listen, by a file that it looks
// for once its stdin is at its end.
func (l *Local) Stop(id disk.Identity) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.own {
		if s.busy == nil || *s.busy != id || s.reply != nil {
			continue
		}
		if s.stdin != nil && s.tell(supervise.Task{Stop: true}) == nil {
			return nil
		}
		l.letGo(s)
		return l.wish(s.run, id)
	}
	for run, adopted := range l.adopted {
		if adopted == id {
			return l.wish(run, id)
		}
	}
	return nil // it has ended
}

// RetireIdle lets supervisors go that have had nothing to do for some seconds.
func (l *Local) RetireIdle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.own {
		if s.busy == nil && time.Since(s.since) >= idleFor {
			l.letGo(s)
		}
	}
}

// Close lets all supervisors go; those that have a job see it to its end.
func (l *Local) Close() error {
	close(l.closed)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.own {
		l.letGo(s)
	}
	return l.dir.Close()
}
