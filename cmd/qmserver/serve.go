package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"golang.org/x/term"

	"qm/cmd/qmserver/internal/cgroup"
	"qm/cmd/qmserver/internal/config"
	"qm/cmd/qmserver/internal/launch"
	"qm/cmd/qmserver/internal/proc"
	"qm/cmd/qmserver/internal/service"
	"qm/cmd/qmserver/internal/spool"
	"qm/cmd/qmserver/internal/terminal"
	"qm/pkg/layout"
)

// serve runs the server until it is told to end, or with -drain until there is
// nothing more to do, or ctx ends.
func serve(ctx context.Context, opt options) error {
	// A queue of 100,000 jobs is mostly pointers: less slack for garbage costs
	// little time and saves a third of the memory.
	debug.SetGCPercent(50)
	// A fault of the program itself, and a watchdog's SIGABRT, end it by a signal:
	// with code 2, which is Go's own, a service manager would not start it again.
	debug.SetTraceback("crash")
	cfg, err := readConfig(opt.config)
	if err != nil {
		return err
	}
	if cfg.LaunchType == config.Slurm {
		if err := checkCommands(); err != nil {
			return err
		}
	}
	tree := layout.Tree(cfg.Folder)
	lock, err := spool.TakeLock(tree)
	if err != nil {
		return err
	}
	defer lock.Release()
	screen := terminal.New(os.Stdout, os.Stderr)
	file, err := openLog(cfg)
	if err != nil {
		return err
	}
	defer file.Close()
	log := newLog(cfg, both{file, screen})
	manager := service.Open(log)
	for _, w := range cfg.Warnings {
		log.Warn("configuration", "warning", w)
	}
	accounts, err := accountsOf(cfg, log)
	if err != nil {
		return err
	}
	groups := cgroup.Delegated()
	local, err := launch.NewLocal(tree, accounts, groups, log)
	if err != nil {
		return fmt.Errorf("prepare run files: %w", err)
	}
	launcher, err := launcherOf(cfg, local, log)
	if err != nil {
		return err
	}
	defer launcher.Close()
	m := machineOf(cfg, log)
	so := spoolOptions(cfg, opt, m, screen)
	if manager != nil {
		so.Alive = manager.Alive
	}
	post, err := openMail(cfg, log)
	if err != nil {
		return err
	}
	if post != nil {
		defer post.Close()
		so.Post = post
	}
	s, err := spool.New(so, lock, launcher, log)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go awaitSignals(catchSignals(), s, stop) // caught before anybody is told that we are ready
	defer time.AfterFunc(startsWithin, proc.DropPages).Stop()
	log.Info("server started", "version", version(), "tree", cfg.Folder, "slots", m.slots, "launch_type", cfg.LaunchType, "control_groups", groups.String(), "pid", os.Getpid())
	result, err := s.Run(ctx)
	manager.Stopping()
	screen.Clear()
	if err != nil {
		log.Error("server ends", "error", err)
		return err
	}
	if opt.drain && ctx.Err() == nil {
		drainMail(ctx, post)
	}
	log.Info("server ended")
	switch {
	case opt.drain && ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "qmserver: told to end before all was run")
		return errFailed
	case opt.drain:
		return drained(result)
	}
	return nil
}

// startsWithin is after what time a server with an empty queue has done what
// only a start needs.
const startsWithin = time.Second

// accountsOf returns as whom the jobs run: nil is this process's user.
func accountsOf(cfg config.Config, log *slog.Logger) (*launch.Accounts, error) {
	root := os.Geteuid() == 0
	switch {
	case cfg.RunAs == config.Owner && !root:
		return nil, usageError{errors.New("run_as = owner needs root: start qmserver as root, or write run_as = self")}
	case cfg.RunAs == config.Owner:
		log.Warn("jobs run as the owners of their folders; those that belong to root run as root")
		return &launch.Accounts{Path: cfg.Path}, nil
	case root && cfg.LaunchType == config.Slurm:
		log.Warn("all jobs run as root; start qmserver as the user whose jobs they are to be")
	case root:
		log.Warn("all jobs run as root; write run_as = owner to run each as the owner of its folder")
	}
	return nil, nil
}

// secondChance is how long after a Ctrl-C at a terminal another one stops the
// jobs too.
const secondChance = 3 * time.Second

// catchSignals takes those that end the server. From then on a stderr that is
// gone ends nothing.
func catchSignals() <-chan os.Signal {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	return signals
}

// awaitSignals ends the server at TERM or Ctrl-C. Its jobs run on, unless a
// second Ctrl-C comes soon after the first, at a terminal.
func awaitSignals(signals <-chan os.Signal, s *spool.Spool, stop context.CancelFunc) {
	defer stop()
	if <-signals != os.Interrupt || !term.IsTerminal(int(os.Stdin.Fd())) {
		return
	}
	s.Interrupt(false)
	select {
	case <-time.After(secondChance):
		return
	case sig := <-signals:
		if sig != os.Interrupt {
			return
		}
	}
	s.Interrupt(true)
	<-signals // a third one lets go of jobs that do not die
}

// readConfig reads the configuration. Its warnings are told even if it can't be
// used: all there is to mend, at once.
func readConfig(file string) (config.Config, error) {
	cfg, err := config.Read(file)
	if err != nil {
		for _, w := range cfg.Warnings {
			fmt.Fprintln(os.Stderr, "qmserver: warning:", w)
		}
		return cfg, usageError{err}
	}
	return cfg, nil
}

// both writes to the log file and to stderr. Neither keeps the other from it:
// a disk may be full, and a terminal gone.
type both struct{ file, screen io.Writer }

func (b both) Write(p []byte) (int, error) {
	_, err := b.file.Write(p)
	_, err2 := b.screen.Write(p)
	return len(p), errors.Join(err, err2)
}

func newLog(cfg config.Config, w io.Writer) *slog.Logger {
	level := slog.LevelInfo
	if cfg.Debug {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}

func spoolOptions(cfg config.Config, opt options, m machine, screen *terminal.Screen) spool.Options {
	o := spool.Options{
		Tree: layout.Tree(cfg.Folder), Slots: m.slots, Blocking: cfg.LaunchType == config.Blocking,
		Affinity: m.cpus != nil, CPUs: m.cpus, Load: m.load, GPUs: m.gpus, Memory: m.memory, MaxLog: cfg.MaxLog,
		Refuse: refusal(cfg, m.memory), Elsewhere: cfg.LaunchType == config.Slurm,
		Fair: cfg.Order == config.Fair, Events: cfg.Events == config.Auto, MinFree: cfg.MinFree,
		JobFiles: cfg.JobFiles, Poll: cfg.PollInterval, Settle: cfg.SettleTime, SettleRemote: cfg.SettleRemote, Grace: cfg.StopGrace,
		MaxLimit: cfg.MaxTimeLimit, Owners: cfg.RunAs == config.Owner, Drain: opt.drain, Host: hostname(), Version: version(), Launch: cfg.LaunchType,
	}
	if opt.drain {
		o.Watch = screen.Show
	}
	return o
}

// drained says what stays, and that something failed.
func drained(r spool.Result) error {
	for _, line := range r.Stays {
		fmt.Fprintln(os.Stderr, "qmserver: stays:", line)
	}
	if r.Failed > 0 {
		fmt.Fprintf(os.Stderr, "qmserver: %d of the jobs did not succeed; see %s and %s\n", r.Failed, layout.Done.Folder(), layout.Lost.Folder())
	}
	if r.Failed > 0 || len(r.Stays) > 0 {
		return errFailed
	}
	return nil
}
