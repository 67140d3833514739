package supervise

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/folder"
	"qm/cmd/qmserver/internal/probe"
	"qm/cmd/qmserver/internal/runfile"
	"qm/pkg/layout"
)

// jobLog is process.log: the job writes to it directly, QM before and after,
// and in between only when it has to say why it ends the job.
type jobLog struct{ *os.File }

// openLog sets an old log aside as process.1.log, .2.log, ... and opens a new
// one. What lies there and is no regular file is layout.ErrNotRegular.
func openLog(dir *os.Root) (*jobLog, error) {
	info, err := dir.Lstat(layout.JobLog)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("open log: %w", layout.ErrNotRegular)
	default:
		if err := disk.SetAside(dir, layout.JobLog, oldLog); err != nil {
			return nil, err
		}
	}
	f, err := dir.OpenFile(layout.JobLog, os.O_RDWR|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, err
	}
	return &jobLog{f}, nil
}

func oldLog(n int) string {
	ext := filepath.Ext(layout.JobLog)
	return fmt.Sprintf("%s.%d%s", strings.TrimSuffix(layout.JobLog, ext), n, ext)
}

// start writes the first lines. What can't be written to a full disk is not
// worth to fail a job for, here and in what follows.
func (l *jobLog) start(a *attempt) {
	var b strings.Builder
	fmt.Fprintln(&b, layout.StartedLine(a.started))
	fmt.Fprintf(&b, "Host: %s, user: %s, folder: %s, PATH: %s, processors: %d%s\n",
		a.Host, a.User, layout.Display(filepath.Join(a.Parent, a.name)), layout.Display(os.Getenv("PATH")), a.NbProc, a.which())
	for _, note := range a.Notes {
		fmt.Fprintf(&b, "QM: %s\n", note)
	}
	for name := range a.control.ignored {
		fmt.Fprintf(&b, "QM: a file named %s lay in the folder before the start and is ignored\n", layout.Display(name))
	}
	probe.Step("log")
	_, _ = l.WriteString(b.String())
	probe.Step("log: begun")
}

// which names the processors and GPUs that are the job's own, for its log.
func (j *Job) which() string {
	text := ""
	if len(j.CPUs) > 0 {
		text = " (" + strings.Trim(strings.ReplaceAll(fmt.Sprint(j.CPUs), " ", ","), "[]") + ")"
	}
	if len(j.GPUs) > 0 {
		text += ", GPUs: " + strings.Join(j.GPUs, ",")
	}
	return text
}

// say writes a line of our own, on a line of its own.
func (l *jobLog) say(format string, args ...any) {
	_, _ = l.WriteString(folder.LineBreak(l.File) + "QM: " + fmt.Sprintf(format, args...) + "\n")
}

// restore makes the log anew if the job has removed or replaced it: the last
// line is to stand where people look for it.
func (l *jobLog) restore(dir *os.Root) {
	there, err := dir.Lstat(layout.JobLog)
	mine, err2 := l.Stat()
	if err == nil && err2 == nil && os.SameFile(there, mine) {
		return
	}
	anew, err := openLog(dir)
	if err != nil {
		return
	}
	_ = l.Close()
	l.File = anew.File
	l.say("the job has removed or replaced this log; what it had printed is lost")
}

// finish writes the last line, and before it the reason, where that does not
// stand right above.
func (l *jobLog) finish(at time.Time, end runfile.End, repeat bool) error {
	text := folder.LineBreak(l.File)
	if repeat && end.Reason != "" {
		text += "QM: " + end.Reason + "\n"
	}
	_, err := l.WriteString(text + layout.FinishedLine(at, statusWords(end)) + "\n")
	probe.Step("log: ended")
	return err
}

func statusWords(end runfile.End) string {
	switch {
	case end.Signal != nil:
		return fmt.Sprintf("killed by signal %d (%s)", *end.Signal, signalName(*end.Signal))
	case end.ExitCode != nil:
		return fmt.Sprintf("with code %d", *end.ExitCode)
	}
	return "with an unknown exit status"
}
