package slurm

import (
	"context"
	"slices"
	"strconv"
	"strings"
)

// Job is a Slurm job of ours, as squeue tells of it.
type Job struct {
	ID     string
	Token  string // of its run
	State  string // Slurm's word, such as RUNNING
	Reason string // Slurm's word; empty: none
	Node   string
}

// finals are the states that a Slurm job does not leave again. A word that is
// not among them, and so one that is not known here, is no end.
var finals = []string{
	"BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "TIMEOUT",
}

// Final tells whether the Slurm job has ended.
func (j *Job) Final() bool { return slices.Contains(finals, j.State) }

// Began tells whether Slurm has begun it, by what it says.
func (j *Job) Began() bool {
	return !j.Final() && j.State != "PENDING" && j.State != "CONFIGURING"
}

// remarks say of a reason to wait what a person has to do about it.
var remarks = map[string]string{
	"PartitionConfig":          " (it asks for more than its partition has: stop it and ask for less)",
	"PartitionNodeLimit":       " (it asks for more than its partition allows: stop it and ask for less)",
	"PartitionTimeLimit":       " (its time_limit is more than its partition allows: stop it and ask for less)",
	"PartitionDown":            " (the cluster's operator has closed its partition)",
	"PartitionInactive":        " (the cluster's operator has closed its partition)",
	"JobHeldUser":              " (scontrol release lets it go)",
	"JobHeldAdmin":             " (the cluster's operator holds it)",
	"DependencyNeverSatisfied": " (what it depends on has failed: stop it)",
}

// Words say how the Slurm job is, for people.
func (j *Job) Words() string {
	at, job := "", ", Slurm job "+j.ID
	if j.Node != "" {
		at = " on " + j.Node
	}
	switch j.State {
	case "PENDING":
		if j.Reason == "" {
			return "waiting in Slurm"
		}
		return "waiting in Slurm: " + j.Reason + remarks[j.Reason]
	case "CONFIGURING":
		return "Slurm makes its node ready" + job
	case "RUNNING":
		return "running" + at + job
	case "COMPLETING", "STAGE_OUT":
		return "ending" + at + job
	case "SUSPENDED", "STOPPED":
		return "suspended" + at + job
	}
	if j.Final() {
		return "ended" + at + ", its exit status is waited for" + job
	}
	return "Slurm says " + j.State + " of it" + at + job
}

// Queue returns all Slurm jobs of ours that Slurm knows, those that have ended a
// while ago too. The error is a *Failure, and says nothing about any job.
func (c *Client) Queue(ctx context.Context) ([]Job, error) {
	out, err := c.run(ctx, askWithin, "", "squeue", "--noheader", "--me", "--states=all", "--format=%i|%T|%r|%N|%k")
	if err != nil {
		return nil, err
	}
	var jobs []Job
	for line := range strings.Lines(out) {
		if j, ours := parseJob(strings.TrimSuffix(line, "\n")); ours {
			jobs = append(jobs, j)
		}
	}
	return jobs, nil
}

// parseJob reads a line of squeue, if it is about a job of ours. One that sbatch
// was refused stands there as well.
func parseJob(line string) (Job, bool) {
	fields := strings.SplitN(line, "|", 5)
	if len(fields) < 5 {
		return Job{}, false
	}
	token, ours := strings.CutPrefix(fields[4], Mark)
	j := Job{ID: fields[0], Token: token, State: fields[1], Reason: word(fields[2]), Node: word(fields[3])}
	return j, ours && (j.State != "FAILED" || j.Reason != "BadConstraints")
}

func word(text string) string {
	if text == "None" || text == "(null)" || text == "n/a" {
		return ""
	}
	return text
}

// Cancel asks Slurm to end jobs. That they have ended only Queue tells.
func (c *Client) Cancel(ctx context.Context, ids []string) error {
	_, err := c.run(ctx, askWithin, "", "scancel", ids...)
	return err
}

// Exit is what Slurm knows of the end of a batch script.
type Exit struct{ Code, Signal int }

// Exit asks for that. Without an answer, or if Slurm has forgotten the job, it is
// not known.
func (c *Client) Exit(ctx context.Context, id string) (Exit, bool) {
	out, err := c.run(ctx, askWithin, "", "scontrol", "--oneliner", "show", "job", id)
	if err != nil {
		return Exit{}, false
	}
	for field := range strings.FieldsSeq(out) {
		value, found := strings.CutPrefix(field, "ExitCode=")
		if !found {
			continue
		}
		code, signal, _ := strings.Cut(value, ":")
		var e Exit
		var err1, err2 error
		e.Code, err1 = strconv.Atoi(code)
		e.Signal, err2 = strconv.Atoi(signal)
		return e, err1 == nil && err2 == nil
	}
	return Exit{}, false
}
