package slurm

import (
	"fmt"
	"slices"
	"syscall"
	"time"

	"qm/cmd/qmserver/internal/runfile"
	"qm/pkg/layout"
)

// Case is all that is known of a run.
type Case struct {
	Left
	Astray bool // its folder can't be found: nothing is known of what was left there

	Jobs     []Job // the Slurm jobs that bear its token, by Slurm's last answer
	Exit     *Exit // of the last of them, if it has ended; nil: not known
	Missed   int   // how many answers in a row have not named one, that were asked for after the submission
	Answers  bool  // Slurm has answered the last time it was asked
	Patient  bool  // Slurm has given its last word, or forgotten it, only a moment ago: a status may still come to light
	Doubtful bool  // it is not long ago that it was given to Slurm

	Cause  *Cause        // why it was asked to end; nil: it was not
	Limit  time.Duration // that Slurm was told; 0: none
	Memory int64         // the same
}

// Cause is why a run was asked to end, and as what that counts.
type Cause struct {
	Outcome layout.Outcome
	Reason  string
}

// Action is what is to be done about a run.
type Action int

// The actions.
const (
	Follow   Action = iota // look again later; Words say how it is
	Conclude               // it has ended, as End says
	Return                 // it has not begun and will not: back to the queue, for the reason in Words
	Reject                 // the same, but it would not do better the next time
	Resubmit               // Slurm has lost it before it began: give it to Slurm once more, as the same run
	Revoke                 // it must not begin any more: withdraw it, then ask again
)

// Verdict is what is to be done about a run, and why.
type Verdict struct {
	Action Action
	Words  string
	End    runfile.End
	Stay   bool // interrupted, and something of it may live on
}

// Judge is the one place that decides when and how a run has ended. What the
// folder says counts, then Slurm's last word, never its silence.
func (c *Case) Judge() Verdict {
	living := c.living()
	switch {
	case c.Status != nil:
		return c.byStatus(living)
	case living != nil:
		return Verdict{Words: living.Words()}
	case len(c.Jobs) == 0 && c.Missed < 2:
		return Verdict{Words: "given to Slurm, which has not named it yet"}
	case c.Claim.Withdrawn():
		return c.notBegun()
	case c.Claim == nil && !c.Astray:
		return c.notClaimed()
	case c.Patient:
		return Verdict{Words: c.waits()}
	}
	return c.byWord()
}

// living returns a Slurm job of the run that has not ended: one that has begun if
// there is one.
func (c *Case) living() *Job {
	var found *Job
	for i := range c.Jobs {
		if j := &c.Jobs[i]; !j.Final() && (found == nil || j.Began()) {
			found = j
		}
	}
	return found
}

// word is Slurm's last word of the run, or "".
func (c *Case) word() string {
	if len(c.Jobs) == 0 {
		return ""
	}
	return c.last().State
}

// last is the Slurm job that has begun the run, if that is known.
func (c *Case) last() *Job {
	for i := range c.Jobs {
		if c.Claim != nil && c.Jobs[i].ID == c.Claim.Job {
			return &c.Jobs[i]
		}
	}
	return &c.Jobs[len(c.Jobs)-1]
}

func (c *Case) waits() string {
	if len(c.Jobs) == 0 {
		return "Slurm does not know it any more, its exit status is waited for"
	}
	return c.last().Words()
}

// node is where the run is, or was.
func (c *Case) node() string {
	switch {
	case c.Claim != nil && c.Claim.Node != "":
		return c.Claim.Node
	case len(c.Jobs) > 0 && c.last().Node != "":
		return c.last().Node
	}
	return "an unknown node"
}

// byStatus tells how a run ended that has left its status. Where that is strange,
// Slurm says why.
func (c *Case) byStatus(living *Job) Verdict {
	end := runfile.End{Outcome: layout.Failed}
	if c.Status.Signal != 0 {
		end.Signal = &c.Status.Signal
	} else {
		end.ExitCode = &c.Status.Code
	}
	byItself := func() Verdict {
		if c.Status.Signal == 0 && c.Status.Code == 0 {
			end.Outcome = layout.Succeeded
		}
		return Verdict{Action: Conclude, End: end}
	}
	if !c.strange() {
		return byItself()
	}
	unheard := living != nil || len(c.Jobs) == 0 && c.Missed < 2
	if unheard && (c.Patient || !c.Answers) {
		return Verdict{Words: "ended on " + c.node() + ", Slurm is asked why"}
	}
	switch word := c.word(); {
	case word == "NODE_FAIL" && c.Status.Told == "":
	case c.explained(word, &end):
		return Verdict{Action: Conclude, End: end}
	case c.Status.Told != "" && c.Cause != nil:
		end.Outcome, end.Reason = c.Cause.Outcome, c.Cause.Reason
		return Verdict{Action: Conclude, End: end}
	case c.Status.Signal == int(syscall.SIGKILL):
		end.Reason = "killed by signal 9 (SIGKILL), cause unknown"
	}
	return byItself()
}

// fromOutside are the signals by which a command is mostly ended by others.
var fromOutside = []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL, syscall.SIGHUP, syscall.SIGINT}

// strange tells whether a run may not have ended by itself: Slurm knows more of
// it then. Whether the script was told to end before it wrote its status, as its
// command was, is a matter of chance.
func (c *Case) strange() bool {
	if c.Status.Told != "" || slices.Contains(fromOutside, syscall.Signal(c.Status.Signal)) {
		return true
	}
	late := c.Limit > 0 && c.Claim != nil && c.Status.At.Sub(c.Claim.At) >= c.Limit
	return c.Status.Code != 0 && (late || c.Cause != nil)
}

// explained takes Slurm's word for why a run was ended.
func (c *Case) explained(word string, end *runfile.End) bool {
	switch word {
	case "TIMEOUT", "DEADLINE":
		end.Outcome, end.Reason = layout.TimedOut, "its time limit is over"
		if c.Limit > 0 {
			end.Reason = fmt.Sprintf("its time limit of %s is over", c.Limit)
		}
	case "OUT_OF_MEMORY":
		end.Outcome, end.Reason = layout.Stopped, "memory: Slurm ended it when it used more than it may; ask for more by `memory`"
		if c.Memory > 0 {
			end.Reason = fmt.Sprintf("memory: Slurm ended it when it used more than the %d MB that it asks for", c.Memory>>20)
		}
	case "PREEMPTED":
		end.Outcome, end.Reason = layout.Interrupted, "Slurm has taken its node for another job (preempted)"
	case "NODE_FAIL", "BOOT_FAIL":
		end.Outcome, end.Reason = layout.Interrupted, "Slurm has lost "+c.node()+" while it ran there"
	case "CANCELLED":
		end.Outcome, end.Reason = layout.Stopped, "cancelled in Slurm (scancel)"
		if c.Cause != nil {
			end.Outcome, end.Reason = c.Cause.Outcome, c.Cause.Reason
		}
	default:
		return false
	}
	return true
}

// notClaimed: Slurm has done with it, or has forgotten it, and nobody has begun.
func (c *Case) notClaimed() Verdict {
	switch {
	case len(c.Jobs) == 0 && c.Cause == nil && c.Doubtful:
		return Verdict{Words: "given to Slurm, which does not know it (yet)"}
	case len(c.Jobs) == 0 && c.Cause == nil:
		return Verdict{Action: Resubmit, Words: "Slurm does not know it; it is given to it once more"}
	}
	return Verdict{Action: Revoke}
}

// notBegun tells what becomes of a run that nobody has begun, nor can.
func (c *Case) notBegun() Verdict {
	word := c.word()
	switch {
	case c.Cause != nil:
		return Verdict{Action: Conclude, End: runfile.End{Outcome: c.Cause.Outcome, Reason: c.Cause.Reason + ", before it began"}}
	case word == "CANCELLED" && c.last().Node == "":
		return Verdict{Action: Conclude, End: runfile.End{Outcome: layout.Stopped, Reason: "cancelled in Slurm (scancel), before it began"}}
	case word == "CANCELLED":
		// A controller that has lost its memory gives numbers of jobs out again; a
		// node that still has one of that number refuses it, and Slurm cancels it.
		return Verdict{Action: Return, Words: "Slurm has cancelled it on " + c.last().Node + ", before it began"}
	case word == "FAILED" && c.Exit != nil && c.Exit.Code == neverSeen:
		return Verdict{Action: Reject, Words: c.node() + " does not see its folder: the tree must lie on a file system that all nodes share, under the same path"}
	case word == "FAILED" && c.Exit != nil && c.Exit.Code == refused:
		return Verdict{Action: Return, Words: c.node() + " can't write into its folder"}
	case word == "FAILED", word == "TIMEOUT", word == "DEADLINE", word == "OUT_OF_MEMORY":
		return Verdict{Action: Reject, Words: "Slurm could not begin it: " + c.said()}
	case word == "":
		return Verdict{Action: Return, Words: "it is not known by Slurm"}
	}
	return Verdict{Action: Return, Words: "Slurm could not begin it: " + c.said()}
}

// said is Slurm's last word with its reason.
func (c *Case) said() string {
	j := c.last()
	text := j.State
	if j.Reason != "" {
		text += ", " + j.Reason
	}
	if j.Node != "" {
		text += " on " + j.Node
	}
	return text
}

// byWord tells how a run ended that has begun and left no status.
func (c *Case) byWord() Verdict {
	var end runfile.End
	if c.Exit != nil {
		end.ExitCode, end.Signal = c.Exit.status()
	}
	word := c.word()
	switch {
	case word == "NODE_FAIL", word == "BOOT_FAIL":
		return c.unknown("lost with " + c.node() + ": Slurm does not reach that any more, and what runs there may go on")
	case c.explained(word, &end):
		if end.Outcome == layout.Interrupted {
			end.ExitCode, end.Signal = nil, nil
		}
		return Verdict{Action: Conclude, End: end}
	case c.Refused != nil && (word == "FAILED" || word == ""):
		return c.unknown("Slurm began it twice, on " + c.node() + " and " + c.Refused.Node + ", and has ended the first")
	case c.Cause != nil:
		end.Outcome, end.Reason = c.Cause.Outcome, c.Cause.Reason
		return Verdict{Action: Conclude, End: end}
	case word == "" || c.Exit == nil:
		return c.unknown("Slurm does not know it any more, and it has left no exit status")
	}
	end.Outcome = layout.Failed
	if c.Exit.Code == 0 && c.Exit.Signal == 0 {
		end.Outcome = layout.Succeeded
	}
	end.Reason = "it has left no exit status in its folder; this is what Slurm tells"
	return Verdict{Action: Conclude, End: end}
}

// unknown is the end of a run of which nobody knows how, nor whether all of it
// has ended.
func (c *Case) unknown(why string) Verdict {
	return Verdict{Action: Conclude, Stay: true, End: runfile.End{
		Outcome: layout.Interrupted,
		Reason:  why + "; how it ended is not known. Look at its files, and drop it again to run it again",
	}}
}

// status is Slurm's exit status as ours. What it gives out as signals beyond
// those of the system are its own marks.
func (e *Exit) status() (code, signal *int) {
	const signals = 64
	switch {
	case e.Signal > 0 && e.Signal <= signals:
		return nil, &e.Signal
	case e.Signal > 0:
		return nil, nil
	}
	return &e.Code, nil
}
