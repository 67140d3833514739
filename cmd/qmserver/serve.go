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
	local, err := launch.NewLocal(tree, nil, log)
	if err != nil {
		return fmt.Errorf("prepare run files: %w", err)
	}
	defer local.Close()
	s, err := spool.New(spoolOptions(cfg, opt, screen), lock, local, log)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
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
		MaxLimit: cfg.MaxTimeLimit, Drain: opt.drain, Host: host, Version: version(), Launch: cfg.LaunchType,
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
