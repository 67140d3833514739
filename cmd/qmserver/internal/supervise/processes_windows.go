package supervise

import (
	"errors"
	"os"
	"os/signal"
	"strconv"

	"qm/cmd/qmserver/internal/account"
	"qm/cmd/qmserver/internal/cgroup"
)

// signals are those that a supervisor acts on.
type signals struct{ child, term chan os.Signal }

func catchSignals() *signals {
	s := &signals{make(chan os.Signal, 1), make(chan os.Signal, 1)}
	signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	return s
}

func becomeSupervisor() error { return nil }

func forgetUmask() {}

func become(*account.Account) error { return errors.ErrUnsupported }

// processes is the job's first process; its descendants are not followed yet.
type processes struct {
	changed chan os.Signal // told when the first process has ended
	first0  *os.Process
	exited  chan *os.ProcessState
	ended   *status
	used    usage
}

func (p *processes) start(argv, env []string, log *os.File, _ *cgroup.Limited) error {
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close()
	p.first0, err = os.StartProcess(argv[0], argv, &os.ProcAttr{Env: env, Files: []*os.File{null, log, log}})
	if err != nil {
		return err
	}
	p.exited = make(chan *os.ProcessState, 1)
	go func() {
		state, _ := p.first0.Wait()
		p.exited <- state
		p.changed <- os.Interrupt
	}()
	return nil
}

func (p *processes) reap() {
	select {
	case state := <-p.exited:
		p.ended = &status{code: state.ExitCode()}
		p.used.add((state.UserTime() + state.SystemTime()).Seconds(), 0)
	default:
	}
}

func (p *processes) none() bool       { return p.ended != nil }
func (p *processes) firstEnded() bool { return p.ended != nil }
func (p *processes) first() status    { return *p.ended }
func (p *processes) usage() usage     { return p.used }
func (p *processes) terminate()       { _ = p.first0.Kill() }
func (p *processes) kill()            { _ = p.first0.Kill() }
func (p *processes) left() []string   { return nil }

func (s status) killedFromOutside() bool { return false }

func (s status) killed() bool { return false }

func signalName(n int) string { return strconv.Itoa(n) }
