package spool

import (
	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/launch"
	"qm/cmd/qmserver/internal/runfile"
	"qm/pkg/layout"
)

// This is the whole machine of moves:
//
//	QM_qJobs/N --claim--> QM_Jobs/N --finish--> QM_dJobs/N
//	    |  ^                 |  |
//	    |  +---- unclaim ----+  +--park (interrupted)--> QM_lost+found/N
//	    +--park (rejected) ----------------------------> QM_lost+found/N
//
// and this the whole of what is done with a folder in QM_Jobs that the server
// does not know, by what the run files say of it.

// said is what the run files say of a folder.
type said int

const (
	saidNothing     said = iota // and all of them could be read
	saidUnreadable              // nothing, but not all of them could be read
	saidPerhaps                 // one of these, but a supervisor lives that says nothing and may have it
	saidRunning                 // starting, no end, and the lock is held, or it runs on another machine
	saidCut                     // starting, no end, and the lock is free
	saidEnded                   // ended as succeeded, failed, stopped or timed-out
	saidInterrupted             // ended as interrupted
)

// action is what is done about it.
type action int

const (
	unclaim   action = iota // back to the queue, at its old place
	parkLost                // into lost: its record is gone, it may have run
	await                   // leave it until that supervisor tells or is gone, then ask again
	adopt                   // watch it, count its slots
	interrupt               // end what is left of it, then as saidInterrupted
	finish                  // to done
	rerun                   // back to the queue if it asks for that and has attempts left, else into lost
)

// recovery is the table of DESIGN section 4; a row that is missing is a bug.
var recovery = map[said]action{
	saidNothing:     unclaim,
	saidUnreadable:  parkLost,
	saidPerhaps:     await,
	saidRunning:     adopt,
	saidCut:         interrupt,
	saidEnded:       finish,
	saidInterrupted: rerun,
}

// maxAttempts is how often a job with `rerun` is run at most.
const maxAttempts = 3

// verdict is what the run files say of one folder, and where.
type verdict struct {
	said said
	run  string // name of the run file
	line runfile.Line
}

// judge reads what the runs say of a folder of the user's. Where several tell of it, which
// takes a crash between two runs of it, the one that has not ended counts.
func judge(runs launch.Runs, id disk.Identity, uid int) verdict {
	v := verdict{said: saidNothing}
	if !runs.Whole(uid) {
		v.said = saidUnreadable
	}
	for _, run := range runs.Files {
		line, told := run.Last[id]
		if !told || line.Event == runfile.Released || !run.Knows(uid) {
			continue
		}
		if (v.said == saidRunning || v.said == saidCut) && !follows(line, v.line) {
			continue
		}
		if (v.said == saidEnded || v.said == saidInterrupted) && line.Event == runfile.Ended && line.At.Before(v.line.At) {
			continue
		}
		v = verdict{saidBy(line, run.Held), run.Name, line}
	}
	return v
}

// follows tells whether a run on another machine was begun after another such,
// which a disk that fails may not have let go of.
func follows(next, line runfile.Line) bool {
	return next.Event == runfile.Starting && next.Token != "" && line.Token != "" && next.At.After(line.At)
}

func saidBy(line runfile.Line, held bool) said {
	switch {
	case line.Event == runfile.Starting && (held || line.Token != ""):
		return saidRunning
	case line.Event == runfile.Starting:
		return saidCut
	case line.Outcome == layout.Interrupted:
		return saidInterrupted
	}
	return saidEnded
}
