// Package slurm speaks to Slurm by its commands, and knows the protocol by which
// a run leaves word of itself in its job's folder: a Slurm job tells only whether
// it waits or runs; how a run ended the folder tells. It decides nothing about
// folders and moves none.
package slurm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// Limits of the commands. A hung controller is given up by themselves after 10 s;
// sbatch waits for 2 minutes where there are too many jobs.
const (
	submitWithin = 60 * time.Second
	askWithin    = 30 * time.Second
)

// Client runs Slurm's commands, found by PATH.
type Client struct {
	env []string // of the commands, and so of the jobs
}

// New returns a client whose jobs get this environment, less what the commands
// would take for options.
func New(env []string) *Client {
	var kept []string
	for _, e := range env {
		name, _, _ := strings.Cut(e, "=")
		if name == "SLURM_CONF" || !isOption(name) {
			kept = append(kept, e)
		}
	}
	return &Client{env: kept}
}

// isOption tells whether a variable is an option of a command of Slurm's.
func isOption(name string) bool {
	for _, prefix := range []string{"SLURM_", "SBATCH_", "SQUEUE_", "SCANCEL_", "SCONTROL_", "SALLOC_", "SRUN_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// Failure is that a command did not do what it was to do.
type Failure struct {
	Command string
	Text    string // what it said, on one line
	Missing bool   // there is no such command here, or it can't be executed
	silent  bool   // it was ended by us, or by a signal: it may have done it
}

func (f *Failure) Error() string { return f.Command + ": " + f.Text }

// run runs a command and returns its stdout. The error is a *Failure.
func (c *Client) run(ctx context.Context, limit time.Duration, stdin string, name string, args ...string) (string, error) {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(limited, name, args...)
	cmd.Env, cmd.Dir = c.env, string(os.PathSeparator)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	cmd.WaitDelay = time.Second
	apart(cmd)
	err := cmd.Run()
	if err == nil {
		return stdout.String(), nil
	}
	f := &Failure{Command: name, Text: said(stderr.String())}
	exit, ran := errors.AsType[*exec.ExitError](err)
	switch {
	case !ran && cmd.Process == nil:
		f.Missing, f.Text = true, err.Error()
	case limited.Err() != nil:
		f.silent, f.Text = true, fmt.Sprintf("no answer in %s", limit)
	case !ran || !exit.Exited():
		f.silent, f.Text = true, err.Error()
	case f.Text == "":
		f.Text = err.Error()
	}
	return "", f
}

// said is what a command said on stderr, on one line and without the command's
// name before each.
func said(stderr string) string {
	var lines []string
	for line := range strings.Lines(stderr) {
		line = strings.TrimSpace(line)
		if _, rest, found := strings.Cut(line, ": error: "); found {
			line = strings.TrimPrefix(rest, "Batch job submission failed: ")
		}
		if line != "" && len(lines) < 5 {
			lines = append(lines, line)
		}
	}
	text := strings.ToValidUTF8(strings.Join(lines, "; "), "?")
	const most = 500
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}

// noContact are words of commands that have not reached the controller, or not
// heard its answer.
var noContact = []string{
	"unable to contact", "socket timed out", "connection ", "transport endpoint", "zero bytes", "authentication",
	"munge", "standby mode", "communication", "insane message", "incompatible versions", "resolve", "unable to establish",
}

// forNow are words of an answer that may be another one later.
var forNow = []string{
	"temporarily", "accounting/qos policy", "usage threshold", "required node not available", "required partition not available",
	"not available now", "not usable now", "reservation is in use", "nodes are busy", "queue full", "try again",
	"no space left", "i/o error", "internal error", "is busy", "memory management error",
}

func (f *Failure) says(words []string) bool {
	text := strings.ToLower(f.Text)
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
}

// Unknown tells whether the command may have done all the same what it was to do.
func (f *Failure) Unknown() bool { return f.silent || !f.Missing && f.says(noContact) }

// Passing tells whether the same may work later. What is not known may.
func (f *Failure) Passing() bool { return f.Unknown() || f.Missing || f.says(forNow) }
