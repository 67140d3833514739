package supervise

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/folder"
	"qm/cmd/qmserver/internal/runfile"
	"qm/pkg/layout"
)

// What a supervisor does in a job's folder, for who has the job run on another
// machine: to check it before the start, to keep its log and its record, to look
// whether it is asked to stop.

// OpenFor opens the folder of a job that is about to run, if that is as it was
// when it was found complete.
func OpenFor(job *Job) (*os.Root, error) {
	dir, err := folder.Open(job.Ref)
	if err != nil {
		return nil, err
	}
	if err := job.verify(dir); err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return dir, nil
}

// NotRun is the answer about a job that can't be started, for this reason.
func NotRun(id disk.Identity, err error) Ended {
	e := Ended{Identity: id}
	e.notRun(err)
	return e
}

// BeginLog sets an old log aside and makes a new one, for others to write to.
func BeginLog(dir *os.Root) error {
	if info, err := dir.Lstat(layout.JobLog); err == nil && info.Mode().IsRegular() && info.Size() == 0 && disk.DetailsOf(info).Links < 2 {
		return nil // of a start that came to nothing
	}
	log, err := openLog(dir)
	if err != nil {
		return err
	}
	return log.Close()
}

// SayInLog writes a line of our own.
func SayInLog(dir *os.Root, format string, args ...any) {
	log, err := reopenLog(dir)
	if err != nil {
		return
	}
	log.say(format, args...)
	_ = log.Close()
}

// FinishLog writes the last line, and before it the reason, unless an earlier
// server has come so far.
func FinishLog(dir *os.Root, at time.Time, end runfile.End) error {
	log, err := reopenLog(dir)
	if err != nil {
		return err
	}
	if log.finished(at, end) {
		return log.Close()
	}
	return errors.Join(log.finish(at, end, true), log.Close())
}

// finished tells whether that is its last line.
func (l *jobLog) finished(at time.Time, end runfile.End) bool {
	line := layout.FinishedLine(at, statusWords(end)) + "\n"
	info, err := l.Stat()
	if err != nil || info.Size() < int64(len(line)) {
		return false
	}
	last := make([]byte, len(line))
	_, err = l.ReadAt(last, info.Size()-int64(len(line)))
	return err == nil && string(last) == line
}

// reopenLog opens a log at its end. One that is gone is made anew.
func reopenLog(dir *os.Root) (*jobLog, error) {
	info, err := dir.Lstat(layout.JobLog)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err == nil && (!info.Mode().IsRegular() || disk.DetailsOf(info).Links > 1) {
		return nil, fmt.Errorf("open log: %w, or one with other names", layout.ErrNotRegular)
	}
	f, err := dir.OpenFile(layout.JobLog, os.O_RDWR|os.O_APPEND|os.O_CREATE|layout.NonBlock, 0o644)
	if err != nil {
		return nil, err
	}
	return &jobLog{f}, nil
}

// Wishes looks whether a running job is asked to stop.
type Wishes struct{ control *control }

// NewWishes begins to look in the job's folder. What lay there before since, in ns
// by the clock of the file system, is ignored, and named.
func NewWishes(dir *os.Root, since int64) (*Wishes, []string) {
	c := &control{dir: dir}
	c.ignored = c.present()
	var names []string
	for name, s := range c.ignored {
		if s.ctime >= since {
			delete(c.ignored, name)
			continue
		}
		names = append(names, name)
	}
	return &Wishes{c}, names
}

// ByFile tells whether a file in the folder, or that the folder was taken from
// its place, asks the job to stop, in words.
func (a *Wishes) ByFile(r folder.Ref) string {
	if name := a.control.stopFile(); name != "" {
		return stopWords(name)
	}
	if !IsAt(r) {
		return takenOut
	}
	return ""
}

// IsAt tells whether a folder still lies at its place. When in doubt it does.
func IsAt(r folder.Ref) bool {
	name, err := r.Name()
	return err != nil || isAt(r.Parent, name, r.Identity)
}

// LogTooLong tells whether a log is longer than it may be, in words.
func LogTooLong(dir *os.Root, most int64) string {
	if most == 0 {
		return ""
	}
	info, err := dir.Lstat(layout.JobLog)
	if err != nil || info.Size() <= most {
		return ""
	}
	return logWords(info.Size(), most)
}

// ByOperator is why a job is stopped at the second Ctrl-C.
const ByOperator = byOperator

// TakenOut is why a job is stopped whose folder was taken away.
func TakenOut() string { return takenOut }

// JobEnviron is what of a server's environment is for its jobs.
func JobEnviron(env []string) []string { return jobEnviron(env) }
