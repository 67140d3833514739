package spool

import (
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/folder"
	"qm/cmd/qmserver/internal/runfile"
	"qm/cmd/qmserver/internal/schedule"
	"qm/pkg/jobinfo"
	"qm/pkg/layout"
)

// phase is how far a job has come.
type phase int

const (
	arriving phase = iota // in the queue folder, perhaps still being copied
	waiting               // in the queue folder and complete
	running               // claimed and given to the launcher
	over                  // nothing of it runs; it has still to be moved
)

// job is a folder that the spool knows: queued, or running until it has been
// moved on.
type job struct {
	disk.Identity
	name  string
	facts disk.Facts
	phase phase

	arrived time.Time // when it was first seen here
	reading reading   // arriving: what is known of its copying

	info    jobinfo.Info
	owner   string
	nbProc  int // of the slots, at most all
	attempt int
	started time.Time
	ended   time.Time // zero: it is taken to end when we hear of it

	move    move      // over: where to
	telling bool      // over: the reason is being left in its folder
	retry   time.Time // when a move that failed is tried again
	pause   time.Duration
	trouble string // why it can't be moved, in words
	warned  string // the trouble that the log tells of
}

// move is what is to be done with a job that is over.
type move struct {
	from, to layout.State
	end      runfile.End
	why      string // to the queue: why it goes back there
	told     bool   // to lost: the reason stands in its folder
}

// ref is the job's folder, as it lies in the folder of the state.
func (s *Spool) ref(j *job, state layout.State) folder.Ref {
	return folder.Ref{Identity: j.Identity, Parent: s.Tree.Folder(state), JobID: layout.ID(j.name)}
}

func (j *job) shown() string { return layout.Display(j.name) }

const (
	firstPause = time.Second
	maxPause   = 30 * time.Second
)

// patient tells whether a move that failed was tried so seldom that it is
// worth to wait for the next time.
func (j *job) patient() bool { return !j.retry.IsZero() && j.pause <= 2*firstPause }

// planned is a job beside what the schedule decided about it.
type planned struct {
	*job
	schedule.Decision
}
