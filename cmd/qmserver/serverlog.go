package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"gopkg.in/natefinch/lumberjack.v2"

	"qm/cmd/qmserver/internal/config"
	"qm/pkg/layout"
)

// serverLog is the server's log, rotated by lumberjack. One that somebody has
// removed, renamed or emptied is begun anew: else the lines that follow would
// go where nobody finds them. One goroutine at a time writes.
type serverLog struct {
	lumberjack.Logger
	file os.FileInfo // as it was after the last line
}

// openLog opens the server's log.
func openLog(cfg config.Config) (*serverLog, error) {
	path := cfg.LogFile
	if path == "" {
		path = layout.ServerLog
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(cfg.Folder, path)
	}
	const megabyte = 1 << 20
	l := &serverLog{Logger: lumberjack.Logger{
		Filename: path, LocalTime: true, MaxSize: int(cfg.LogMaxSize / megabyte), MaxBackups: cfg.LogKeep,
	}}
	return l, l.create()
}

// create makes the file if it is not there, for everybody to read who may read
// the tree: the reasons stand in it. Rotating keeps its mode.
func (l *serverLog) create() error {
	if info, err := os.Stat(l.Filename); err == nil && !info.Mode().IsRegular() {
		return usageError{fmt.Errorf("log_file %s is not a regular file: remove it, or name another", l.Filename)}
	}
	f, err := os.OpenFile(l.Filename, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	return nil
}

// Write writes a line.
func (l *serverLog) Write(p []byte) (int, error) {
	if l.isAnother() && l.create() == nil { // where its folder is gone the old one has to do
		_ = l.Close() // the next line opens the one that lies there
	}
	n, err := l.Logger.Write(p)
	if now, err := os.Stat(l.Filename); err == nil {
		l.file = now
	}
	return n, err
}

// isAnother tells whether another file lies there than the one that was written
// to, a shorter one, or none.
func (l *serverLog) isAnother() bool {
	if l.file == nil {
		return false
	}
	now, err := os.Stat(l.Filename)
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	return !os.SameFile(now, l.file) || now.Size() < l.file.Size()
}
