package page

import (
	"time"

	"github.com/dustin/go-humanize"

	"qm/cmd/qmweb/internal/snapshot"
)

// bySlurm is the launch_type of a server whose jobs Slurm runs.
const bySlurm = "slurm"

// silence says for how long Slurm has not answered; empty: it does.
func silence(since, now time.Time) string {
	if since.IsZero() {
		return ""
	}
	d := max(now.Sub(since), 0)
	if d >= time.Minute {
		d -= d % time.Minute
	}
	return "Slurm has not answered for " + span(d-d%time.Second)
}

// slurmWords says how a job is with Slurm, and how old that is; empty: Slurm has
// not got it.
func slurmWords(j *snapshot.Job, now time.Time) string {
	words := oneLine(j.Slurm)
	if old := silence(j.Silent, now); words != "" && old != "" {
		words += "; " + old
	}
	return words
}

// reasonOf says why a job waits, how it is with Slurm, or why it ended so.
func reasonOf(j *snapshot.Job, now time.Time) string {
	if words := slurmWords(j, now); words != "" {
		return words
	}
	return j.Reason
}

// runningCount is the number beside the word Running.
func runningCount(c snapshot.Counts, inSlurm int) string {
	text := humanize.Comma(int64(c.Running))
	if inSlurm > 0 {
		text += ", " + plural(inSlurm, "waits", "wait") + " in Slurm"
	}
	return text
}

// runsWords says what runs, and what waits in Slurm.
func runsWords(running, inSlurm int) string {
	words := "Nothing runs"
	if n := running - inSlurm; n > 0 {
		words = plural(n, "job runs", "jobs run")
	}
	if inSlurm > 0 {
		words += ", " + plural(inSlurm, "waits", "wait") + " in Slurm"
	}
	return words
}
