// Package launch starts claimed jobs and tells how they ended. Local runs them
// on this machine, each under a supervisor process.
package launch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/proc"
	"qm/cmd/qmserver/internal/runfile"
	"qm/cmd/qmserver/internal/supervise"
	"qm/pkg/layout"
)

const (
	idleFor = 5 * time.Second // after which a supervisor is let go
	maxJobs = 1000            // of one supervisor: its run file stays small
)

// Event is what a launcher tells of a job that it was given.
type Event struct {
	disk.Identity
	// Gone says that the supervisor ended without an answer and that nothing
	// is left of the job: what is to be done stands in the run files.
	Gone   bool
	Answer supervise.Answer
}

// Local starts jobs on this machine. Its methods are called by one goroutine;
// Events may be received by any.
type Local struct {
	dir    *os.Root // .qm/run of the tree
	log    *slog.Logger
	events chan Event
	closed chan struct{}

	mu      sync.Mutex // guards all below, and the fields of the supervisors
	count   int
	own     map[string]*supervisor   // by run file
	told    map[disk.Identity]string // the run file that tells of an earlier run of a folder
	adopted map[string]disk.Identity // run files of an earlier server's supervisors
}

type supervisor struct {
	run   string // name of its run file
	pid   int
	stdin io.WriteCloser
	busy  *disk.Identity
	since time.Time // idle since
	jobs  int
}

// NewLocal makes the folder of the run files if need be.
func NewLocal(tree layout.Tree, log *slog.Logger) (*Local, error) {
	// What a dead supervisor leaves falls to this process; see endLeftovers.
	if err := proc.Adopt(); err != nil {
		return nil, err
	}
	path := tree.Path(layout.RunDir)
	if err := os.Mkdir(path, 0o711); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	dir, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &Local{
		dir: dir, log: log,
		events:  make(chan Event),
		closed:  make(chan struct{}),
		own:     make(map[string]*supervisor),
		told:    make(map[disk.Identity]string),
		adopted: make(map[string]disk.Identity),
	}, nil
}

// Events tells how the jobs ended.
func (l *Local) Events() <-chan Event { return l.events }

// Start gives a job to an idle supervisor, or to a new one. An error means
// that it was given to none.
func (l *Local) Start(job supervise.Job) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, err := l.idle()
	if err != nil {
		return err
	}
	job.Run = s.run
	line, err := json.Marshal(job)
	if err != nil {
		return fmt.Errorf("encode job: %w", err)
	}
	if _, err := s.stdin.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("tell supervisor of job: %w", err)
	}
	s.busy = &job.Identity
	s.jobs++
	return nil
}

// idle returns the supervisor that became idle last, so that the others may go.
func (l *Local) idle() (*supervisor, error) {
	var best *supervisor
	for _, s := range l.own {
		if s.busy == nil && s.stdin != nil && (best == nil || s.since.After(best.since)) {
			best = s
		}
	}
	if best != nil {
		return best, nil
	}
	return l.spawn()
}

func (l *Local) spawn() (*supervisor, error) {
	l.count++
	name := fmt.Sprintf("%s-%d-%d", time.Now().Format("20060102-150405.000000"), os.Getpid(), l.count)
	file, err := runfile.Create(l.dir, name)
	if err != nil {
		return nil, err
	}
	// The supervisor has the lock by inheritance; ours must go, or a dead
	// supervisor would look alive.
	defer file.Close()
	cmd := command()
	cmd.ExtraFiles = []*os.File{file.OS()}
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	err = errors.Join(err1, err2)
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start supervisor: %w", err), l.dir.Remove(name))
	}
	s := &supervisor{run: name, pid: cmd.Process.Pid, stdin: stdin}
	l.own[name] = s
	go l.listen(s, cmd, stdout)
	return s, nil
}

// listen passes on the answers of a supervisor until it ends.
func (l *Local) listen(s *supervisor, cmd *exec.Cmd, stdout io.Reader) {
	answers := json.NewDecoder(stdout)
	for {
		var a supervise.Answer
		if err := answers.Decode(&a); err != nil {
			break
		}
		l.answered(s, a)
		l.tell(Event{Identity: a.Identity, Answer: a})
	}
	err := cmd.Wait()
	if busy := l.ended(s); busy != nil {
		l.log.Warn("supervisor ended before its job", "run", s.run, "error", err)
		l.endLeftovers(s.run)
		l.tell(Event{Identity: *busy, Gone: true})
	}
}

func (l *Local) answered(s *supervisor, a supervise.Answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.busy = nil
	s.since = time.Now()
	if a.NotRun == "" {
		l.told[a.Identity] = s.run
	}
	if s.jobs >= maxJobs {
		l.letGo(s)
	}
}

// ended forgets a supervisor and returns the job that it had not answered.
func (l *Local) ended(s *supervisor) *disk.Identity {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.letGo(s)
	delete(l.own, s.run)
	return s.busy
}

func (l *Local) letGo(s *supervisor) {
	if s.stdin != nil {
		_ = s.stdin.Close()
		s.stdin = nil
	}
}

func (l *Local) tell(e Event) {
	select {
	case l.events <- e:
	case <-l.closed:
	}
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
