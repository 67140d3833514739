// Package launch starts claimed jobs and tells how they ended. Local runs them
// on this machine, each under a supervisor process.
package launch

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"qm/cmd/qmserver/internal/account"
	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/probe"
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
	Gone  bool
	Ended supervise.Ended
}

// Local starts jobs on this machine. Its methods are called by one goroutine;
// Events may be received by any.
type Local struct {
	dir      *os.Root // .qm/run of the tree
	missing  bool     // the folder of the run files was; see missingMark
	shared   bool     // this process has, or may get, children that are none of ours
	accounts *Accounts
	log      *slog.Logger
	events   chan Event
	closed   chan struct{}

	mu      sync.Mutex // guards all below, and the fields of the supervisors
	count   int
	own     map[string]*supervisor   // by run file
	told    map[disk.Identity]string // the run file that tells of an earlier run of a folder
	adopted map[string]disk.Identity // run files of an earlier server's supervisors
}

type supervisor struct {
	run   string // name of its run file
	uid   int    // whose it is; ourselves if jobs do not run as their owners
	pid   int
	stdin io.WriteCloser
	busy  *disk.Identity
	reply chan supervise.Answer // of what is not a run
	since time.Time             // idle since
	jobs  int
}

// Accounts says that each job runs as the owner of its folder, with an
// environment made from nothing.
type Accounts struct {
	Path string // PATH of the jobs
}

// NewLocal makes the folder of the run files if need be. Without accounts all
// jobs run as this process's user.
func NewLocal(tree layout.Tree, accounts *Accounts, log *slog.Logger) (*Local, error) {
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
	_, err = os.Lstat(path + missingMark)
	missing := err == nil
	dir, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	return &Local{
		dir: dir, missing: missing, shared: shared, accounts: accounts, log: log,
		events:  make(chan Event, 1024), // so that no supervisor waits while we ask another
		closed:  make(chan struct{}),
		own:     make(map[string]*supervisor),
		told:    make(map[disk.Identity]string),
		adopted: make(map[string]disk.Identity),
	}, nil
}

// missingMark is a file beside the folder of the run files: that was missing,
// so what lies in QM_Jobs may have run.
const missingMark = ".missing"

// makeRunDir makes the folder of the run files if it is missing, and leaves the
// mark until all that lay in QM_Jobs has been judged, crash or not.
func makeRunDir(path string) error {
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	err := os.WriteFile(path+missingMark, nil, 0o600)
	if err == nil {
		probe.Step("run folder: marked")
		err = disk.SyncDir(filepath.Dir(path))
	}
	if err == nil {
		probe.Step("run folder: mark synced")
		err = os.Mkdir(path, 0o711)
	}
	if err == nil {
		probe.Step("run folder: made")
		err = disk.SyncDir(filepath.Dir(path))
		probe.Step("run folder: synced")
	}
	return err
}

// Judged takes the mark away that makes Runs broken: nothing that lay in
// QM_Jobs then lies there still.
func (l *Local) Judged() error {
	if !l.missing {
		return nil
	}
	err := os.Remove(l.dir.Name() + missingMark)
	if err == nil {
		l.missing = false
	}
	return err
}

// Events tells how the jobs ended.
func (l *Local) Events() <-chan Event { return l.events }

// Start gives a job to an idle supervisor of its owner's, or to a new one. An
// error means that it was given to none.
func (l *Local) Start(job supervise.Job, uid int) error {
	_, err := l.give(job.Identity, uid, func(run string) supervise.Task {
		job.Run = run
		job.StopFile = l.stopFile(run, job.Identity)
		return supervise.Task{Run: &job}
	})
	return err
}

// give tells a supervisor of the user's of a task about the folder.
func (l *Local) give(id disk.Identity, uid int, task func(run string) supervise.Task) (*supervisor, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.accounts == nil {
		uid = os.Getuid()
	}
	for s := l.idle(uid); s != nil; s = l.idle(uid) {
		if l.write(s, task(s.run), id) == nil {
			return s, nil
		}
		l.letGo(s) // it died while it was idle
	}
	s, err := l.spawn(uid)
	if err != nil {
		return nil, err
	}
	if err := l.write(s, task(s.run), id); err != nil {
		return nil, fmt.Errorf("tell supervisor: %w", err)
	}
	return s, nil
}

func (l *Local) write(s *supervisor, task supervise.Task, id disk.Identity) error {
	task.AsOwner = l.accounts != nil
	line, err := json.Marshal(task)
	if err != nil {
		return err
	}
	// Another user's process may be stopped with its pipe full.
	if pipe, ok := s.stdin.(interface{ SetWriteDeadline(time.Time) error }); ok {
		_ = pipe.SetWriteDeadline(time.Now().Add(tellWithin))
	}
	probe.Step("tell")
	if _, err := s.stdin.Write(append(line, '\n')); err != nil {
		return err
	}
	probe.Step("tell: written")
	s.busy = &id
	if task.Run != nil {
		s.jobs++
		s.reply = nil
	} else {
		s.reply = make(chan supervise.Answer, 1)
	}
	return nil
}

// idle returns the user's supervisor that became idle last, so that the others
// may go, or nil.
func (l *Local) idle(uid int) *supervisor {
	var best *supervisor
	for _, s := range l.own {
		if s.busy == nil && s.stdin != nil && s.uid == uid && (best == nil || s.since.After(best.since)) {
			best = s
		}
	}
	return best
}

func (l *Local) spawn(uid int) (*supervisor, error) {
	cmd := command()
	var acc *account.Account
	if l.accounts != nil {
		var err error
		if acc, err = account.Find(uid); err != nil {
			return nil, err
		}
		cmd.Env = acc.Environ(l.accounts.Path)
	}
	l.count++
	name := fmt.Sprintf("%s-%d-%d", time.Now().Format("20060102-150405.000000"), os.Getpid(), l.count)
	file, err := runfile.Create(l.dir, name)
	if err != nil {
		return nil, err
	}
	// The supervisor has the lock by inheritance; ours must go, or a dead
	// supervisor would look alive.
	defer file.Close()
	cmd.ExtraFiles = []*os.File{file.OS()}
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	err = errors.Join(err1, err2)
	if err == nil {
		probe.Step("spawn")
		err = cmd.Start()
		probe.Step("spawn: started")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start supervisor: %w", err), l.dir.Remove(name))
	}
	s := &supervisor{run: name, uid: uid, pid: cmd.Process.Pid, stdin: stdin}
	if acc != nil {
		if err := json.NewEncoder(stdin).Encode(supervise.Task{Become: acc}); err != nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			return nil, fmt.Errorf("tell supervisor who to be: %w", err)
		}
	}
	l.own[name] = s
	go l.listen(s, cmd, stdout)
	return s, nil
}

// tellWithin is how long a supervisor may take to accept a task.
const tellWithin = time.Second

// maxAnswer bounds the line of a supervisor, which may be another user's.
const maxAnswer = 8 << 20

// listen passes on the answers of a supervisor until it ends. One that answers
// what it was not asked is believed no more.
func (l *Local) listen(s *supervisor, cmd *exec.Cmd, stdout io.Reader) {
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, maxAnswer)
	for lines.Scan() {
		var a supervise.Answer
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil || !l.answered(s, a) {
			l.log.Error("supervisor does not answer what it was asked", "run", s.run, "error", err)
			break
		}
	}
	_, _ = io.Copy(io.Discard, stdout)
	err := cmd.Wait()
	busy, reply := l.ended(s)
	switch {
	case reply != nil:
		close(reply)
	case busy != nil:
		l.log.Warn("supervisor ended before its job", "run", s.run, "error", err)
		l.endLeftovers(s.run)
		l.tell(Event{Identity: *busy, Gone: true})
	}
}

// answered takes an answer, if it is one to what was asked.
func (l *Local) answered(s *supervisor, a supervise.Answer) bool {
	l.mu.Lock()
	if s.busy == nil || (a.Run == nil) == (s.reply == nil) || a.Run != nil && a.Run.Identity != *s.busy {
		l.mu.Unlock()
		return false
	}
	reply := s.reply
	s.busy, s.reply, s.since = nil, nil, time.Now()
	if a.Run != nil && a.Run.NotRun == "" {
		l.told[a.Run.Identity] = s.run
	}
	if s.jobs >= maxJobs {
		l.letGo(s)
	}
	l.mu.Unlock()
	if reply != nil {
		reply <- a
	} else {
		l.tell(Event{Identity: a.Run.Identity, Ended: *a.Run})
	}
	return true
}

// ended forgets a supervisor and returns what it had not answered.
func (l *Local) ended(s *supervisor) (*disk.Identity, chan supervise.Answer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.letGo(s)
	delete(l.own, s.run)
	return s.busy, s.reply
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

const stopSuffix = ".stop"

// stopFile is where a supervisor looks for our wish that its job stops. Only
// this server can make a file there.
func (l *Local) stopFile(run string, id disk.Identity) string {
	return filepath.Join(l.dir.Name(), fmt.Sprintf("%s.%d%s", run, id.Inode, stopSuffix))
}

// Stop asks the supervisor of a running job to stop it: our own by its stdin,
// that of an adopted one by a file that it looks for.
func (l *Local) Stop(id disk.Identity) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.own {
		if s.busy != nil && *s.busy == id && s.stdin != nil && s.reply == nil {
			return json.NewEncoder(s.stdin).Encode(supervise.Task{Stop: true})
		}
	}
	for run, adopted := range l.adopted {
		if adopted == id {
			return os.WriteFile(l.stopFile(run, id), nil, 0o600)
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
