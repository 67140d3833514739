// Package supervise is the process that owns one running job. qmserver starts
// itself again as `qmserver -supervise`, in a session of its own; whatever
// happens to the server, the supervisor sees its job to the end, holds it to
// its limits and writes down how it ended.
//
// It is told of jobs on stdin, one line of JSON each, and answers each with a
// line on stdout once the end is durable in its run file. It
// has one job at a time, and ends at end of file. Where jobs run as the owners
// of their folders, it also does what only the owner should do there.
package supervise

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"runtime"
	"time"

	"qm/cmd/qmserver/internal/account"
	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/folder"
	"qm/cmd/qmserver/internal/probe"
	"qm/cmd/qmserver/internal/proc"
	"qm/cmd/qmserver/internal/runfile"
	"qm/pkg/jobinfo"
)

// flag is the first argument of a supervisor. The second, if there is one, is
// the path of its run file: who looks at the processes knows whose they are.
const flag = "-supervise"

// Args are the arguments of a supervisor that has this run file.
func Args(runFile string) []string { return []string{flag, runFile} }

// Asked tells whether this program was started, with these arguments and its own
// name before them, to be a supervisor.
func Asked(args []string) bool { return len(args) >= 2 && args[1] == flag }

// RunFile returns the path of the run file of the supervisor that was started so,
// or "".
func RunFile(args []string) string {
	if len(args) != 3 || !Asked(args) {
		return ""
	}
	return args[2]
}

// Job is what a supervisor is told of a job.
type Job struct {
	folder.Ref        // what else lies at its path is not started
	Proof      uint64 `json:"proof"` // of the tree that was found complete; see folder.Tree. Another one is not started
	Run        string `json:"run"`   // QM_RUN in the job's environment
	Attempt    int    `json:"attempt"`
	Rerun      bool   `json:"rerun"` // it asks to be run again when it is interrupted

	Command string   `json:"command,omitempty"` // for the shell
	Args    []string `json:"args,omitempty"`    // or, without a shell, the program and its arguments
	NbProc  int      `json:"nb_proc"`

	CPUs    []int    `json:"cpus,omitempty"`     // processors that it is pinned to; none: it has none of its own
	Allowed []int    `json:"allowed,omitempty"`  // without CPUs, those that the server may use now; none: what this process may
	HasGPUs bool     `json:"has_gpus,omitempty"` // the server shares out GPUs: the job sees those here and no others
	GPUs    []string `json:"gpus,omitempty"`

	Memory int64         `json:"memory,omitempty"`  // bytes that its processes may use together; 0: no limit
	Group  string        `json:"group,omitempty"`   // the control group of this process, where the kernel holds a job to its Memory
	MaxLog int64         `json:"max_log,omitempty"` // bytes that its log may grow to; 0: no limit
	Limit  time.Duration `json:"limit,omitempty"`   // 0: none
	Grace  time.Duration `json:"grace"`             // from TERM to KILL

	// StopFile is a path outside of the job's folder: what appears there asks
	// the job to stop, once there is no server that could say so by a Task.
	StopFile string `json:"stop_file"`

	User      string    `json:"user"`  // as whom it runs
	Owner     string    `json:"owner"` // as lists show it
	EMail     string    `json:"e_mail,omitempty"`
	Host      string    `json:"host"`
	Submitted time.Time `json:"submitted"`
	Claimed   time.Time `json:"claimed"`
	Notes     []string  `json:"notes,omitempty"` // for the job's log, in words

	Elsewhere Elsewhere `json:"-"`
}

// Elsewhere is what only who runs the job on another machine needs to know.
type Elsewhere struct {
	NbGPU    int
	Priority int
	Slurm    jobinfo.Directives // what its script asks of Slurm
}

// Task is what a supervisor is told to do, one of these. Looking, leaving a
// reason and reading the end of a log are for servers that may not open what
// lies in a user's folder.
type Task struct {
	Run   *Job   `json:"run,omitempty"`
	Look  *Look  `json:"look,omitempty"`
	Leave *Leave `json:"leave,omitempty"`
	Tail  *Tail  `json:"tail,omitempty"`
	Stop  bool   `json:"stop,omitempty"` // the job that runs; has no answer of its own

	// Become comes first, if at all, and has no answer: this process is the
	// account's from then on. It becomes so after its exec: before, a process of
	// that user could have traced it and taken its descriptors.
	Become *account.Account `json:"become,omitempty"`

	AsOwner bool `json:"as_owner,omitempty"` // this process is another user's than the server
}

// parcel is a Task that is taken apart only as far as it is needed: of each type
// that occurs in another, encoding/json learns and keeps how it is written.
type parcel struct {
	Run     json.RawMessage `json:"run"`
	Look    json.RawMessage `json:"look"`
	Leave   json.RawMessage `json:"leave"`
	Tail    json.RawMessage `json:"tail"`
	Become  json.RawMessage `json:"become"`
	Stop    bool            `json:"stop"`
	AsOwner bool            `json:"as_owner"`
}

// Look is to read a folder; see folder.LookAt.
type Look struct {
	folder.Ref
	JobFiles []string `json:"job_files"`
	All      bool     `json:"all"`
}

// Leave is to leave a reason in a folder; see folder.LeaveReason.
type Leave struct {
	folder.Ref
	Reason folder.Reason `json:"reason"`
}

// Answer is what a supervisor says of a task.
type Answer struct {
	Run  *Ended       `json:"run,omitempty"`
	Look *folder.Look `json:"look,omitempty"`
	Left *Left        `json:"left,omitempty"`
	Tail *LogTail     `json:"tail,omitempty"`

	// Freed is a job of which nothing is left; the answer to its run follows once
	// its end is durable.
	Freed *disk.Identity `json:"freed,omitempty"`

	// Worn says that this supervisor has grown, and is better let go once it is
	// idle; see memory.
	Worn bool `json:"worn,omitempty"`
}

// ranAnswer is an Answer to a run, freedAnswer comes before that, and otherAnswer
// is one to what is none; see parcel.
type (
	ranAnswer struct {
		Run  *Ended `json:"run"`
		Worn bool   `json:"worn,omitempty"`
	}
	freedAnswer struct {
		Freed *disk.Identity `json:"freed"`
	}
	otherAnswer struct {
		Look *folder.Look `json:"look,omitempty"`
		Left *Left        `json:"left,omitempty"`
		Tail *LogTail     `json:"tail,omitempty"`
		Worn bool         `json:"worn,omitempty"`
	}
)

// Left tells why a reason could not be left, if it could not.
type Left struct {
	Problem string `json:"problem,omitempty"`
}

// Ended is what became of a job.
type Ended struct {
	disk.Identity
	// NotRun says that the job was not started and why, in words; its run file
	// says nothing of it, and End is empty.
	NotRun  string `json:"not_run,omitempty"`
	Passing bool   `json:"passing,omitempty"` // with NotRun: it may work later
	Changed bool   `json:"changed,omitempty"` // with NotRun: the folder is not as it was found complete
	runfile.End
}

// Main is the supervisor's process. It returns its exit code.
func Main() int { return supervise(undying) }

func supervise(undying time.Duration) int {
	proc.Punctual()
	// There is one of us for each running job, so memory counts; see lean.
	runtime.GOMAXPROCS(1)
	signals := catchSignals()
	if err := becomeSupervisor(); err != nil {
		return 1
	}
	run, err := ownRunFile()
	if err != nil {
		return 1
	}
	stdin := ownStdin()
	defer runtime.KeepAlive(stdin) // or its descriptor would be closed some time after its end
	s := &supervisor{
		lines:   readLines(stdin),
		run:     run,
		signals: signals,
		base:    newEnvironment(),
		memory:  newMemory(),
		undying: undying,
	}
	idle := time.NewTimer(short)
	for s.lines != nil && !s.ending {
		select {
		case <-idle.C:
			s.memory.free()
		case line, more := <-s.lines:
			if !more {
				return 0
			}
			if err := s.do(line); err != nil {
				return 1
			}
			idle.Reset(short)
		case <-signals.term:
			return 0 // idle: a job that is still in the pipe was not begun
		}
	}
	return 0
}

type supervisor struct {
	lines   <-chan []byte // nil once the server is gone
	run     *runfile.File
	signals *signals
	base    *environment
	memory  *memory
	meter   proc.Meter
	ending  bool          // it was told TERM: no other job
	undying time.Duration // how long after KILL it is told that something does not die

	notifier *notifier // nil until a job runs long enough to need it
}

// do does a task and answers. That the answer can't be written is no error: the
// server is gone, and its successor reads the run file.
func (s *supervisor) do(line []byte) error {
	var task parcel
	if err := json.Unmarshal(line, &task); err != nil {
		return err
	}
	if task.AsOwner {
		forgetUmask()
	}
	switch {
	case task.Run != nil:
		return s.runJob(task)
	case task.Become != nil:
		acc, err := unpack[account.Account](task.Become)
		if err != nil {
			return err
		}
		return become(acc)
	case task.Stop:
		return nil // the job has ended in the meantime
	case task.Look != nil:
		return s.look(task)
	case task.Leave != nil:
		return s.leave(task)
	case task.Tail != nil:
		return s.tail(task)
	}
	return errors.New("no task in the line")
}

func (s *supervisor) runJob(task parcel) error {
	job, err := unpack[Job](task.Run)
	if err != nil {
		return err
	}
	ended, err := s.perform(job, task.AsOwner)
	if err != nil {
		return err
	}
	s.answer(ranAnswer{&ended, s.memory.worn()})
	return nil
}

func (s *supervisor) look(task parcel) error {
	l, err := unpack[Look](task.Look)
	if err != nil {
		return err
	}
	look := folder.LookAt(l.Ref, l.JobFiles, l.All)
	s.answer(otherAnswer{Look: &look, Worn: s.memory.worn()})
	return nil
}

func (s *supervisor) leave(task parcel) error {
	l, err := unpack[Leave](task.Leave)
	if err != nil {
		return err
	}
	var left Left
	if err := folder.LeaveReason(l.Ref, l.Reason); err != nil {
		left.Problem = err.Error()
	}
	s.answer(otherAnswer{Left: &left, Worn: s.memory.worn()})
	return nil
}

func unpack[T any](data json.RawMessage) (*T, error) {
	what := new(T)
	return what, json.Unmarshal(data, what)
}

func (s *supervisor) answer(a any) {
	probe.Step("answer")
	_ = json.NewEncoder(os.Stdout).Encode(a)
	probe.Step("answer: written")
}

func isStop(line []byte) bool {
	var task parcel
	return json.Unmarshal(line, &task) == nil && task.Stop
}

// readLines sends the lines of r and closes the channel at its end. A last
// line without its line break is what a dying server had begun to write.
func readLines(r io.Reader) <-chan []byte {
	lines := make(chan []byte)
	go func() {
		defer close(lines)
		b := bufio.NewReader(r)
		for {
			line, err := b.ReadBytes('\n')
			if err != nil {
				return
			}
			lines <- line
		}
	}()
	return lines
}
