// Package runfile keeps what decides about a run: one file per supervisor, in
// .qm/run of the tree, to which synced lines are appended. The lock on it says
// that its supervisor lives. The server makes and locks it, the supervisor
// inherits it; the jobs inherit neither the file nor the lock.
//
// Where jobs run as the owners of their folders, the name of a run file says
// whose its supervisor is, who writes to it: it is believed only about folders
// of that user.
//
// Of one folder the last line counts:
//
//	starting   the supervisor is about to fork, or has; never start it again unasked.
//	           It stands there again when something of the run does not die
//	ended      the run has ended, as told, and nothing of it is left
//	released   all that stands above about this folder is over: it may run again
package runfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/probe"
	"qm/pkg/layout"
)

// Event is what a line tells.
type Event string

// The events; see the package comment.
const (
	Starting Event = "starting"
	Ended    Event = "ended"
	Released Event = "released"
)

// Line is one line of a run file.
type Line struct {
	Event Event     `json:"event"`
	At    time.Time `json:"at"`
	disk.Identity
	JobID   string    `json:"job"`              // layout.ID of the name at that time
	Started time.Time `json:"started,omitzero"` // of an end: when the run had begun
	Attempt int       `json:"attempt,omitempty"`
	NbProc  int       `json:"nb_proc,omitempty"`
	CPUs    []int     `json:"cpus,omitempty"`
	GPUs    []string  `json:"gpus,omitempty"`
	Memory  int64     `json:"memory,omitempty"` // bytes that are kept for it
	Owner   string    `json:"owner,omitempty"`  // as lists show it
	EMail   string    `json:"e_mail,omitempty"` // who is told of its end
	Rerun   bool      `json:"rerun,omitempty"`  // it asks to be run again when it is interrupted

	Undying string `json:"undying,omitempty"` // the processes that KILL has not ended, for people

	// Token names a run on another machine. It goes on whoever holds the lock of
	// the run file.
	Token string `json:"token,omitempty"`

	*End
}

// End is how a run ended. A code and a signal are never both set.
type End struct {
	Outcome  layout.Outcome `json:"outcome"`
	ExitCode *int           `json:"exit_code,omitempty"`
	Signal   *int           `json:"signal,omitempty"`
	Reason   string         `json:"reason,omitempty"` // in words, where the exit status does not say all
}

// File is a run file that is open for appending and locked.
type File struct{ f *os.File }

// Create makes the run file at path and locks it. Its name is durable when
// Create returns.
func Create(dir *os.Root, name string) (*File, error) {
	f, err := dir.OpenFile(name, os.O_RDWR|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create run file: %w", err)
	}
	probe.Step("run file: made")
	err = errors.Join(disk.TryLock(f), disk.SyncDir(dir.Name()))
	probe.Step("run file: folder synced")
	if err != nil {
		return nil, errors.Join(err, f.Close(), dir.Remove(name))
	}
	return &File{f}, nil
}

// Inherited is the run file that the server left to this process.
func Inherited(f *os.File) *File { return &File{f} }

// Take opens and locks the run file at path for the supervisor whose it is,
// where locks are not inherited.
func Take(path string) (*File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return nil, fmt.Errorf("take run file: %w", err)
	}
	if err := disk.TryLock(f); err != nil {
		return nil, errors.Join(fmt.Errorf("take run file: %w", err), f.Close())
	}
	return &File{f}, nil
}

// Reopen opens and locks the run file name of dir to go on with it. A last line
// that a crash cut is taken off before.
func Reopen(dir *os.Root, name string) (*File, error) {
	if err := mend(dir, name); err != nil {
		return nil, fmt.Errorf("reopen run file: %w", err)
	}
	f, err := dir.OpenFile(name, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return nil, fmt.Errorf("reopen run file: %w", err)
	}
	if err := disk.TryLock(f); err != nil {
		return nil, errors.Join(fmt.Errorf("reopen run file: %w", err), f.Close())
	}
	return &File{f}, nil
}

// OS returns the open file, to hand it to a child.
func (f *File) OS() *os.File { return f.f }

// Close gives up the lock, unless another process has inherited it.
func (f *File) Close() error { return f.f.Close() }

// Append writes a line; it is on disk when Append returns nil.
func (f *File) Append(l Line) error {
	data, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("encode line of run file: %w", err)
	}
	return disk.Append(f.f, append(data, '\n'))
}

// Run is what a run file says.
type Run struct {
	Name string
	UID  int                    // whose it is; Anyones if jobs ran as the server's user
	Held bool                   // its supervisor lives
	Last map[disk.Identity]Line // of each folder, the last line
}

// maxFile bounds a run file: a supervisor ends after 1,000 jobs, and a line
// with the longest name has less than 2 KB.
const maxFile = 16 << 20

// Release appends that what the run file name of dir says of a folder is over,
// so that the folder may be claimed again for this attempt. It is on disk when Release returns
// nil.
func Release(dir *os.Root, name string, id disk.Identity, attempt int) error {
	if err := mend(dir, name); err != nil {
		return fmt.Errorf("release run: %w", err)
	}
	f, err := dir.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return fmt.Errorf("release run: %w", err)
	}
	file := File{f}
	return errors.Join(file.Append(Line{Event: Released, At: time.Now(), Identity: id, Attempt: attempt}), f.Close())
}

// mend takes off a last line that a crash cut, which the next one would be
// glued to. It leaves alone what a supervisor still writes to.
func mend(dir *os.Root, name string) error {
	data, err := readFree(dir, name)
	if err != nil {
		return err
	}
	whole := bytes.LastIndexByte(data, '\n') + 1
	if whole == len(data) {
		return nil
	}
	return disk.Replace(dir, name, data[:whole], 0o600, disk.Durable)
}

// readFree reads a run file, or nothing if a supervisor has its lock. Nobody takes
// one that is free, so what was read stays true when the file is closed, and
// Windows replaces none that is open.
func readFree(dir *os.Root, name string) ([]byte, error) {
	f, _, err := layout.OpenFile(dir, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := disk.TryAsk(f); errors.Is(err, disk.ErrHeld) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(f, maxFile))
}

// Read reads the run file name of dir. An unreadable file, and a whole line
// that is none of ours, is an error; a last line without its line break is
// one that was being written, and does not count. Whose it is is known also
// with an error.
func Read(dir *os.Root, name string) (Run, error) {
	run := Run{Name: name, UID: UserOf(name)}
	f, _, err := layout.OpenFile(dir, name)
	if err != nil {
		return run, fmt.Errorf("read run file: %w", err)
	}
	defer f.Close()
	// The lock first: a supervisor that ends in between has then written all
	// that it will write.
	switch err := disk.TryAsk(f); {
	case errors.Is(err, disk.ErrHeld):
		run.Held = true
	case err != nil:
		return run, fmt.Errorf("read run file: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return run, fmt.Errorf("read run file: %w", err)
	}
	run.Last, err = parse(data)
	if err != nil {
		return run, fmt.Errorf("read run file %s: %w", name, err)
	}
	return run, nil
}

func parse(data []byte) (map[disk.Identity]Line, error) {
	last := make(map[disk.Identity]Line)
	for n := 1; ; n++ {
		text, rest, whole := bytes.Cut(data, []byte{'\n'})
		if !whole {
			return last, nil
		}
		var l Line
		if err := json.Unmarshal(text, &l); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		switch {
		case l.Event == Starting, l.Event == Released, l.Event == Ended && l.End != nil:
		default:
			return nil, fmt.Errorf("line %d: unknown event %q", n, l.Event)
		}
		last[l.Identity] = l
		data = rest
	}
}
