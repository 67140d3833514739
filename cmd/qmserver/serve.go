package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/term"
	"gopkg.in/natefinch/lumberjack.v2"

	"qm/cmd/qmserver/internal/config"
	"qm/cmd/qmserver/internal/launch"
	"qm/cmd/qmserver/internal/spool"
	"qm/cmd/qmserver/internal/terminal"
	"qm/pkg/layout"
)

// serve runs the server until it is told to end, or with -drain until there is
// nothing more to do.
func serve(opt options) error {
	cfg, err := readConfig(opt.config)
	if err != nil {
		return err
	}
	tree := layout.Tree(cfg.Folder)
	lock, err := spool.TakeLock(tree)
	if err != nil {
		return err
	}
	defer lock.Release()
	screen := terminal.New(os.Stdout, os.Stderr)
	file := logFile(cfg)
	defer file.Close()
	log := newLog(cfg, io.MultiWriter(screen, file))
	for _, w := range cfg.Warnings {
		log.Warn("configuration", "warning", w)
	}
	accounts, err := accountsOf(cfg, log)
	if err != nil {
		return err
	}
	local, err := launch.NewLocal(tree, accounts, log)
	if err != nil {
		return fmt.Errorf("prepare run files: %w", err)
	}
	defer local.Close()
	s, err := spool.New(spoolOptions(cfg, opt, screen), lock, local, log)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go awaitSignals(s, stop)
	log.Info("server started", "version", version(), "tree", cfg.Folder, "slots", cfg.MaxNbProcessors, "launch_type", cfg.LaunchType, "pid", os.Getpid())
	result, err := s.Run(ctx)
	screen.Clear()
	if err != nil {
		log.Error("server ends", "error", err)
		return err
	}
	log.Info("server ended")
	if opt.drain && ctx.Err() == nil {
		return drained(result)
	}
	return nil
}

// accountsOf returns as whom the jobs run: nil is this process's user.
func accountsOf(cfg config.Config, log *slog.Logger) (*launch.Accounts, error) {
	root := os.Geteuid() == 0
	switch {
	case cfg.RunAs == config.Owner && !root:
		return nil, fmt.Errorf("%w: run_as = owner needs root; start qmserver as root, or write run_as = self", errUsage)
	case cfg.RunAs == config.Owner:
		log.Warn("jobs run as the owners of their folders; those that belong to root run as root")
		return &launch.Accounts{Path: cfg.Path}, nil
	case root:
		log.Warn("all jobs run as root; write run_as = owner to run each as the owner of its folder")
	}
	return nil, nil
}

// secondChance is how long after a Ctrl-C at a terminal another one stops the
// jobs too.
const secondChance = 3 * time.Second

// awaitSignals ends the server at TERM or Ctrl-C. Its jobs run on, unless a
// second Ctrl-C comes soon after the first, at a terminal.
func awaitSignals(s *spool.Spool, stop context.CancelFunc) {
	defer stop()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
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

// readConfig makes of a file that can't be read a matter of configuration too.
func readConfig(file string) (config.Config, error) {
	cfg, err := config.Read(file)
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		err = fmt.Errorf("%w: %w; name a file with -config FILE", errUsage, err)
	}
	return cfg, err
}

func logFile(cfg config.Config) *lumberjack.Logger {
	path := cfg.LogFile
	if path == "" {
		path = layout.ServerLog
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(cfg.Folder, path)
	}
	const megabyte = 1 << 20
	return &lumberjack.Logger{
		Filename: path, LocalTime: true,
		MaxSize: max(1, int(cfg.LogMaxSize/megabyte)), MaxBackups: cfg.LogKeep,
	}
}

func newLog(cfg config.Config, w io.Writer) *slog.Logger {
	level := slog.LevelInfo
	if cfg.Debug {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}

func spoolOptions(cfg config.Config, opt options, screen *terminal.Screen) spool.Options {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	o := spool.Options{
		Tree: layout.Tree(cfg.Folder), Slots: cfg.MaxNbProcessors, Blocking: cfg.LaunchType == config.Blocking,
		JobFiles: cfg.JobFiles, Poll: cfg.PollInterval, Settle: cfg.SettleTime, Grace: cfg.StopGrace,
		MaxLimit: cfg.MaxTimeLimit, Owners: cfg.RunAs == config.Owner, Drain: opt.drain, Host: host, Version: version(), Launch: cfg.LaunchType,
	}
	if opt.drain {
		o.Watch = screen.Show
	}
	return o
}

// drained says what stays, and that something failed.
func drained(r spool.Result) error {
	for _, line := range r.Stays {
		fmt.Fprintln(os.Stderr, "qmserver: stays in the queue:", line)
	}
	if r.Failed > 0 {
		fmt.Fprintf(os.Stderr, "qmserver: %d of the jobs did not succeed; see %s and %s\n", r.Failed, layout.Done.Folder(), layout.Lost.Folder())
	}
	if r.Failed > 0 || len(r.Stays) > 0 {
		return errFailed
	}
	return nil
}
