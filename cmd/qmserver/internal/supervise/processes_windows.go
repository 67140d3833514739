package supervise

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/windows"

	"qm/cmd/qmserver/internal/account"
	"qm/cmd/qmserver/internal/cgroup"
	"qm/cmd/qmserver/internal/probe"
	"qm/cmd/qmserver/internal/runfile"
)

// ReadyLine is what a supervisor says once it has locked its run file.
const ReadyLine = "ready\n"

// ownRunFile takes what the server has made for us.
func ownRunFile() (*runfile.File, error) {
	run, err := runfile.Take(RunFile(os.Args))
	if err != nil {
		return nil, err
	}
	_, err = os.Stdout.WriteString(ReadyLine)
	return run, err
}

// ownStdin is the pipe that the server has made for us.
func ownStdin() *os.File { return os.Stdin }

// signals are those that a supervisor acts on.
type signals struct{ child, term chan os.Signal }

func catchSignals() *signals {
	s := &signals{make(chan os.Signal, 1), make(chan os.Signal, 1)}
	signal.Notify(s.term, syscall.SIGTERM) // the user logs off, or the machine goes down
	signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	return s
}

func becomeSupervisor() error { return nil }

func forgetUmask() {}

func become(*account.Account) error { return errors.ErrUnsupported }

// processes are a job's first process and all that came of it: a job object,
// which none of them can leave and which dies with its supervisor. They are
// used by one goroutine only.
type processes struct {
	changed chan os.Signal // told when something has ended
	memory  int64          // bytes that they may have together; 0: no limit
	object  *jobObject
	pid     int
	exited  chan int // exit code of the first process
	ended   *status
	used    usage
}

func newProcesses(j *Job, changed chan os.Signal) *processes {
	return &processes{changed: changed, memory: j.Memory, exited: make(chan int, 1)}
}

// start executes the program in the working directory, with nothing open but
// an empty stdin and the log. It is suspended until the job object has it.
func (p *processes) start(argv, env []string, log *os.File, _ *cgroup.Limited) error {
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return err
	}
	if path, err = filepath.Abs(path); err != nil {
		return err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	if p.object, err = newJobObject(p.memory); err != nil {
		return err
	}
	probe.Step("fork")
	pid, handle, err := syscall.StartProcess(path, nil, &syscall.ProcAttr{
		Env: env, Files: []uintptr{null.Fd(), log.Fd(), log.Fd()},
		Sys: &syscall.SysProcAttr{CmdLine: commandLine(append([]string{path}, argv[1:]...)), CreationFlags: windows.CREATE_SUSPENDED | windows.CREATE_NO_WINDOW},
	})
	probe.Step("fork: done")
	if err != nil {
		return errors.Join(&os.PathError{Op: "execute", Path: argv[0], Err: err}, p.object.close())
	}
	p.pid = pid
	if err := p.object.begin(pid, windows.Handle(handle)); err != nil {
		_ = windows.TerminateProcess(windows.Handle(handle), 1)
		return errors.Join(&os.PathError{Op: "execute", Path: argv[0], Err: err}, p.object.close())
	}
	go p.await(windows.Handle(handle))
	return nil
}

// await tells of the end of the first process, and then until all have ended
// that there may be news.
func (p *processes) await(first windows.Handle) {
	_, _ = windows.WaitForSingleObject(first, windows.INFINITE)
	var code uint32
	_ = windows.GetExitCodeProcess(first, &code)
	_ = windows.CloseHandle(first)
	p.exited <- int(int32(code))
	p.object.untilEmpty(func() {
		select {
		case p.changed <- os.Interrupt:
		default:
		}
	})
}

// reap takes notice of what has ended.
func (p *processes) reap() {
	select {
	case code := <-p.exited:
		p.ended = &status{code: code}
	default:
	}
}

// none tells whether all have ended, and takes down then what they have used.
func (p *processes) none() bool {
	if p.ended == nil || p.object.active() > 0 {
		return false
	}
	p.used = p.object.usage()
	_ = p.object.close()
	return true
}

func (p *processes) firstEnded() bool { return p.ended != nil }
func (p *processes) first() status    { return *p.ended }
func (p *processes) usage() usage     { return p.used }

// terminate asks all that have the console of the first process to end, as
// Ctrl-Break does; where that can't be, it ends them.
func (p *processes) terminate() {
	if p.ended != nil || breakConsole(p.pid) != nil {
		p.kill()
	}
}

// refusedMemory tells whether they were given no more memory, for their limit.
func (p *processes) refusedMemory() bool { return p.object != nil && p.object.memory.refused() }

func (p *processes) kill() { p.object.terminate() }

func (p *processes) left() []string { return p.object.names() }

// The exit codes of processes that the system ends as it goes down; see
// ntstatus.h.
const (
	controlCExit     = -0x3ffffec6 // STATUS_CONTROL_C_EXIT, 0xC000013A
	terminateProcess = 0x40010004  // DBG_TERMINATE_PROCESS
)

// killed is said of no process here: there are no signals.
func (s status) killed() bool { return false }

func (s status) killedFromOutside() bool {
	return s.code == controlCExit || s.code == terminateProcess
}

func signalName(n int) string { return strconv.Itoa(n) }

// systemLimitsMemory tells whether the system itself holds any job to its memory:
// by the job object.
const systemLimitsMemory = true
