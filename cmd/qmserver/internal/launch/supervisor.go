package launch

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"qm/cmd/qmserver/internal/account"
	"qm/cmd/qmserver/internal/cgroup"
	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/probe"
	"qm/cmd/qmserver/internal/proc"
	"qm/cmd/qmserver/internal/runfile"
	"qm/cmd/qmserver/internal/supervise"
)

// supervisor is one that this server has started. Its fields are guarded by
// the lock of Local.
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
	if err := s.tell(task); err != nil {
		return err
	}
	s.busy = &id
	if task.Run != nil {
		s.jobs++
		s.reply = nil
	} else {
		s.reply = make(chan supervise.Answer, 1)
	}
	return nil
}

// tell writes a task to the supervisor's pipe. Another user's process may be
// stopped with its pipe full.
func (s *supervisor) tell(task supervise.Task) error {
	line, err := json.Marshal(task)
	if err != nil {
		return err
	}
	if pipe, ok := s.stdin.(interface{ SetWriteDeadline(time.Time) error }); ok {
		_ = pipe.SetWriteDeadline(time.Now().Add(tellWithin))
	}
	probe.Step("tell")
	if _, err := s.stdin.Write(append(line, '\n')); err != nil {
		return err
	}
	probe.Step("tell: written")
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
	env := os.Environ()
	var acc *account.Account
	if l.accounts != nil {
		var err error
		if acc, err = l.accounts.of(uid); err != nil {
			return nil, err
		}
		env = acc.Environ(l.accounts.Path)
	}
	l.count++
	name := fmt.Sprintf("%s-%d-%d", time.Now().Format("20060102-150405.000000"), os.Getpid(), l.count)
	if acc != nil {
		name = runfile.NameFor(name, uid)
	}
	file, err := runfile.Create(l.dir, name)
	if err != nil {
		return nil, err
	}
	// The supervisor has the lock by inheritance; ours must go, or a dead
	// supervisor would look alive.
	defer file.Close()
	cmd := command(filepath.Join(l.dir.Name(), name))
	cmd.Env = supervise.Environ(env)
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	err = errors.Join(handOver(cmd, file.OS()), err1, err2)
	if err == nil {
		group := l.group(name, uid)
		group.Put(cmd.SysProcAttr)
		probe.Step("spawn")
		err = proc.Leisurely(cmd.Start)
		group.Close()
		probe.Step("spawn: started")
	}
	if err != nil {
		l.groups.Remove(name)
		return nil, errors.Join(fmt.Errorf("start supervisor: %w", err), l.dir.Remove(name))
	}
	answers, err := awaitReady(stdout)
	if err != nil {
		return nil, errors.Join(err, cmd.Process.Kill(), cmd.Wait())
	}
	s := &supervisor{run: name, uid: uid, pid: cmd.Process.Pid, stdin: stdin}
	if acc != nil {
		if err := s.tell(supervise.Task{Become: acc}); err != nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			return nil, fmt.Errorf("tell supervisor who to be: %w", err)
		}
	}
	l.own[name] = s
	go l.listen(s, cmd, answers)
	return s, nil
}

// group makes the control group of a supervisor's. That there can't be one keeps
// no job from running.
func (l *Local) group(run string, uid int) *cgroup.Group {
	group, err := l.groups.Make(run, uid)
	if err != nil {
		l.log.Warn("supervisor gets no control group of its own", "run", run, "error", err)
	}
	return group
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
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil || !l.freed(s, a) && !l.answered(s, a) {
			l.log.Error("supervisor does not answer what it was asked", "run", s.run, "error", err)
			break
		}
	}
	l.mu.Lock()
	l.letGo(s)
	l.mu.Unlock()
	_, _ = io.Copy(io.Discard, stdout)
	err := cmd.Wait()
	defer l.groups.Remove(s.run)
	lost := l.recheck(s.run)
	busy, reply := l.ended(s)
	switch {
	case reply != nil:
		close(reply)
	case busy != nil:
		l.log.Warn("supervisor ended before its job", "run", s.run, "error", err)
		l.endLeftovers(s.run, *busy)
		l.tell(Event{Identity: *busy, Gone: true, Lost: lost})
	}
}

// freed passes on that nothing is left of the job that was given, if that is what
// the supervisor says.
func (l *Local) freed(s *supervisor, a supervise.Answer) bool {
	l.mu.Lock()
	its := a.Freed != nil && a.Run == nil && s.busy != nil && s.reply == nil && *a.Freed == *s.busy
	l.mu.Unlock()
	if its {
		l.tell(Event{Identity: *a.Freed, Freed: time.Now()})
	}
	return its
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
		l.told[l.folderOf(a.Run.Identity, s.uid)] = s.run
	}
	switch {
	case s.jobs >= maxJobs:
		l.letGo(s)
	case a.Worn:
		time.AfterFunc(wornFor, func() { l.letGoIdle(s) })
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

// letGoIdle lets a supervisor go that has grown, unless it has work again.
func (l *Local) letGoIdle(s *supervisor) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.busy == nil && time.Since(s.since) >= wornFor {
		l.letGo(s)
	}
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
