// Package supervise is the process that owns one running job. qmserver starts
// itself again as `qmserver -supervise`, in a session of its own; whatever
// happens to the server, the supervisor sees its job to the end, holds it to
// its limits and writes down how it ended.
//
// It is told of jobs on stdin, one line of JSON each, and answers each with a
// line on stdout once the end is durable in its run file (descriptor 3). It
// has one job at a time, and ends at end of file.
package supervise

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"runtime"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/folder"
	"qm/cmd/qmserver/internal/runfile"
)

// RunFD is the descriptor at which a supervisor finds its run file.
const RunFD = 3

// Job is what a supervisor is told of a job.
type Job struct {
	folder.Ref        // what else lies at its path is not started
	Run        string `json:"run"` // QM_RUN in the job's environment
	Attempt    int    `json:"attempt"`

	Command string   `json:"command,omitempty"` // for the shell
	Args    []string `json:"args,omitempty"`    // or, without a shell, the program and its arguments
	NbProc  int      `json:"nb_proc"`

	Limit time.Duration `json:"limit,omitempty"` // 0: none
	Grace time.Duration `json:"grace"`           // from TERM to KILL

	Owner     string    `json:"owner"`
	Host      string    `json:"host"`
	Submitted time.Time `json:"submitted"`
	Claimed   time.Time `json:"claimed"`
	Notes     []string  `json:"notes,omitempty"` // for the job's log, in words
}

// Answer is what a supervisor says of a job that it was told of.
type Answer struct {
	disk.Identity
	// NotRun says that the job was not started and why, in words; its run file
	// says nothing of it, and End is empty.
	NotRun string `json:"not_run,omitempty"`
	runfile.End
}

// Main is the supervisor's process. It returns its exit code.
func Main() int {
	// A job's death signal (PDEATHSIG) follows the thread that forked it.
	runtime.LockOSThread()
	signals := catchSignals()
	if err := becomeOwner(); err != nil {
		return 1
	}
	s := &supervisor{
		run:     runfile.Inherited(os.NewFile(RunFD, "run file")),
		signals: signals,
		answers: json.NewEncoder(os.Stdout),
	}
	lines := readLines(os.Stdin)
	for {
		select {
		case line, more := <-lines:
			if !more {
				return 0
			}
			if err := s.do(line); err != nil {
				return 1
			}
		case <-signals.term:
			return 0 // idle: a job that is still in the pipe was not begun
		}
	}
}

type supervisor struct {
	run     *runfile.File
	signals *signals
	answers *json.Encoder
}

// do runs one job to its end and answers. That the answer can't be written is
// no error: the server is gone, and its successor reads the run file.
func (s *supervisor) do(line []byte) error {
	var job Job
	if err := json.Unmarshal(line, &job); err != nil {
		return err
	}
	answer, err := s.perform(&job)
	if err != nil {
		return err
	}
	_ = s.answers.Encode(answer)
	return nil
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
