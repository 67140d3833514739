//go:build unix

package supervise

import (
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"

	"qm/cmd/qmserver/internal/account"
	"qm/cmd/qmserver/internal/cgroup"
	"qm/cmd/qmserver/internal/probe"
	"qm/cmd/qmserver/internal/runfile"
)

// RunFD is the descriptor at which a supervisor finds its run file.
const RunFD = 3

// ownRunFile is what the server left to us, with its lock.
func ownRunFile() (*runfile.File, error) {
	return runfile.Inherited(os.NewFile(RunFD, "run file")), nil
}

// ownStdin is the pipe that the server has made for us, so that the runtime waits
// for it: a read that blocks would keep all else from running until its monitor
// thread takes notice; see proc.Leisurely.
func ownStdin() *os.File {
	if err := syscall.SetNonblock(syscall.Stdin, true); err != nil {
		return os.Stdin
	}
	return os.NewFile(uintptr(syscall.Stdin), "stdin")
}

// signals are those that a supervisor acts on.
type signals struct{ child, term chan os.Signal }

// catchSignals takes all that must not end a supervisor. They are caught and
// not ignored: what is ignored stays ignored in the job.
func catchSignals() *signals {
	s := &signals{make(chan os.Signal, 1), make(chan os.Signal, 1)}
	signal.Notify(s.child, syscall.SIGCHLD)
	signal.Notify(s.term, syscall.SIGTERM)
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT)
	return s
}

// processes are a job's first process and all that came of it. They are used
// by one goroutine only.
type processes struct {
	run   string // QM_RUN in their environment
	pid   int
	ended *status // of the first process
	empty bool
	used  usage
}

// newProcesses: SIGCHLD tells of changes.
func newProcesses(j *Job, _ chan os.Signal) *processes { return &processes{run: j.Run} }

// start executes the program in the working directory, with nothing open but
// an empty stdin and the log, in a session of its own.
func (p *processes) start(argv, env []string, log *os.File, group *cgroup.Limited) error {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	sys := sessionOfItsOwn()
	group.Put(sys)
	probe.Step("fork")
	p.pid, err = syscall.ForkExec(argv[0], argv, &syscall.ProcAttr{
		Env:   env,
		Files: []uintptr{null.Fd(), log.Fd(), log.Fd()},
		Sys:   sys,
	})
	probe.Step("fork: done")
	if err != nil {
		return &os.PathError{Op: "execute", Path: argv[0], Err: err}
	}
	return nil
}

// reap takes notice of all that have ended. As nothing else in a supervisor
// waits for a child, it need not know whom it waits for.
func (p *processes) reap() {
	for {
		var ws unix.WaitStatus
		var ru unix.Rusage
		pid, err := unix.Wait4(-1, &ws, unix.WNOHANG|waitAll, &ru)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil: // ECHILD
			p.empty = p.groupEmpty()
			return
		case pid == 0:
			return
		}
		p.used.add(seconds(ru.Utime)+seconds(ru.Stime), ru.Maxrss*maxrssUnit)
		if pid == p.pid {
			p.ended = &status{code: ws.ExitStatus()}
			if ws.Signaled() {
				p.ended = &status{signal: int(ws.Signal())}
			}
		}
	}
}

func (u *usage) add(cpuSeconds float64, peakBytes int64) {
	if u.cpuSeconds != nil {
		cpuSeconds += *u.cpuSeconds
	}
	u.cpuSeconds = &cpuSeconds
	u.sample(peakBytes)
}

func seconds(t unix.Timeval) float64 { return float64(t.Nano()) / 1e9 }

func (p *processes) none() bool       { return p.empty }
func (p *processes) firstEnded() bool { return p.ended != nil }
func (p *processes) first() status    { return *p.ended }
func (p *processes) usage() usage     { return p.used }

// terminate asks all to end, those too that are stopped.
func (p *processes) terminate() {
	p.signal(syscall.SIGTERM)
	p.signal(syscall.SIGCONT)
}

// refusedMemory tells of no process: where the kernel holds a job to its memory
// it ends one.
func (p *processes) refusedMemory() bool { return false }

func (p *processes) kill() { p.signal(syscall.SIGKILL) }

// signal reaches the group of the first process as long as the number of that
// can't have been given away, and all descendants, also those in sessions of
// their own.
func (p *processes) signal(sig syscall.Signal) {
	if p.ended == nil {
		_ = syscall.Kill(-p.pid, sig)
	}
	for _, pid := range p.descendants() {
		_ = syscall.Kill(pid, sig)
	}
}

// killed tells of the signal by which a kernel ends who has too much memory.
func (s status) killed() bool { return s.signal == int(syscall.SIGKILL) }

// killedFromOutside tells of the signals by which a system that goes down ends
// processes.
func (s status) killedFromOutside() bool {
	return s.signal == int(syscall.SIGTERM) || s.signal == int(syscall.SIGKILL)
}

func signalName(n int) string {
	if name := unix.SignalName(syscall.Signal(n)); name != "" {
		return name
	}
	return "unknown"
}

// become gives up what this process is for what the account is.
func become(acc *account.Account) error {
	groups := make([]int, len(acc.Groups))
	for i, g := range acc.Groups {
		groups[i] = int(g)
	}
	if err := syscall.Setgroups(groups); err != nil {
		return err
	}
	if err := syscall.Setgid(int(acc.GID)); err != nil {
		return err
	}
	if err := syscall.Setuid(int(acc.UID)); err != nil {
		return err
	}
	return becomeUntraceable()
}

// forgetUmask sets the one that jobs of other users begin with, whatever the
// server's own is.
func forgetUmask() { syscall.Umask(0o022) }
