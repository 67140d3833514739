package spool

import (
	"io/fs"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/folder"
	"qm/cmd/qmserver/internal/launch"
	"qm/cmd/qmserver/internal/runfile"
	"qm/cmd/qmserver/internal/schedule"
	"qm/pkg/jobinfo"
	"qm/pkg/layout"
)

// phase is how far a job has come.
type phase uint8

const (
	listed   phase = iota // in the queue folder, and nothing of it is known yet
	arriving              // in the queue folder, perhaps still being copied
	waiting               // in the queue folder, to be started
	aside                 // in the queue folder, held or waiting for another job
	ready                 // claimed, and to be started
	running               // given to the launcher
	closing               // nothing of it runs; its supervisor writes down how it ended
	over                  // nothing of it runs; it has still to be moved
)

// queued tells whether the job lies in the queue folder.
func (p phase) queued() bool { return p <= aside }

// job is a folder that the spool knows: queued, or running until it has been
// moved on. There may be 100,000 of them in the queue, so what only few need is
// behind a pointer.
type job struct {
	disk.Identity
	schedule.Job // what it asks for, and its place in the queue

	name  string
	uid   int32
	mode  fs.FileMode
	phase phase
	held  bool   // HOLD lies in it
	moved bool   // it was moved in from outside, with all that is in it
	seen  uint32 // the listing that saw it last
	watch int32  // of the events about its folder; 0: none
	flush uint32 // that told of it among the first, or as set aside, last

	mark   folder.Mark // at the last look
	stamp  uint64      // of the names in it and of its info file, at the last look
	proven uint64      // the sum of the tree that was found complete; 0: none

	*reading // until it is found complete
	*asked   // once its info file was read in full, while that may be needed
	*course  // once it has left the queue, or could not
}

// reading is what is known of a folder's copying.
type reading struct {
	begun    bool          // there has been a look
	failed   time.Time     // since when it can't be read; zero: it can
	busy     bool          // the last saw something say that it is still being copied
	underWay bool          // there is one now
	again    bool          // and another is to follow
	due      time.Time     // of the next look
	next     time.Time     // no look sooner, whatever happens
	sum      uint64        // of the last
	blocks   int64         // of the last
	same     time.Time     // since when all looks agree
	calm     time.Duration // how long they had agreed at the last look
	pause    time.Duration // the longest for which they agreed before something changed
	patience time.Duration // for how long they must agree
	words    string        // what it waits for
	stuck    bool          // that is what only a person can do
}

// asked is what the info file says that only its run needs.
type asked struct {
	info  jobinfo.Info
	owner string // as lists show it
}

// course is what became of a job.
type course struct {
	share
	note    string // about its share, for its log
	attempt int
	started time.Time
	ended   time.Time // zero: it is taken to end when we hear of it

	move    move      // over: where to
	telling bool      // over: the reason is being left in its folder
	retry   time.Time // when a move that failed is tried again
	pauses  time.Duration
	trouble string       // why it can't be moved, in words
	warned  string       // the trouble that the log tells of
	undying string       // running: processes that KILL has not ended, for people
	far     bool         // running: elsewhere
	state   launch.State // and how it goes there
}

// move is what is to be done with a job that is over.
type move struct {
	from, to layout.State
	end      runfile.End
	why      string // to the queue: why it goes back there
	later    string // to the queue: why it does not start from there at once, in words
	ahead    bool   // to the queue: it was claimed ahead, and nobody was told to start it
	told     bool   // to lost: the reason stands in its folder
	strange  bool   // nothing is known of what its info file says
	lettered bool   // the letter about it is written
	back     string // to done or lost: the name under which it was seen in the queue again since; empty: it was not
	came     bool   // and an event told that it was moved there
}

// Asks is for the schedule.
func (j *job) Asks() *schedule.Job { return &j.Job }

// arrived is when the job was first seen here.
func (j *job) arrived() time.Time { return time.Unix(0, j.Arrived) }

// ref is the job's folder, as it lies in the folder of the state.
func (s *Spool) ref(j *job, state layout.State) folder.Ref {
	return folder.Ref{Identity: j.Identity, Parent: s.Tree.Folder(state), JobID: layout.ID(j.name)}
}

func (j *job) shown() string { return layout.Display(j.name) }

// begin makes room for what becomes of the job.
func (j *job) begin() *course {
	if j.course == nil {
		j.course = &course{attempt: 1}
	}
	return j.course
}

// know makes room for what the info file says.
func (j *job) know() *asked {
	if j.asked == nil {
		j.asked = &asked{info: jobinfo.Info{NbProc: 1}}
	}
	return j.asked
}

const (
	firstPause = time.Second
	maxPause   = 30 * time.Second
)

// troubled returns why the job can't be moved, in words, or "".
func (j *job) troubled() string {
	if j.course == nil {
		return ""
	}
	return j.trouble
}

// patient tells whether a move that failed was tried so seldom that it is
// worth to wait for the next time.
func (j *job) patient() bool {
	return j.course != nil && !j.retry.IsZero() && j.pauses <= 2*firstPause
}
