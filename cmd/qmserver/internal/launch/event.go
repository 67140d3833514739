package launch

import (
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/supervise"
)

// Event is what a launcher tells of a job that it was given, or with Contact of
// itself.
type Event struct {
	disk.Identity
	// Gone says that the supervisor ended without an answer and that nothing
	// is left of the job: what is to be done stands in the run files.
	Gone  bool
	Lost  bool // with Gone: its run file was taken away, so it may have run
	Ended supervise.Ended
	// Ran is when a run on another machine was, as far as that is known; it
	// comes with Ended.
	Ran Span
	// Freed says since when nothing is left of the job; its end is told next, once
	// that is durable. Nothing else is told with it.
	Freed time.Time
	// Stay, with Ended, says that an interrupted job is not to be run again
	// unasked: something of it may live on where nobody sees it.
	Stay bool
	// Undying names processes that KILL has not ended, for people; nothing else
	// is told with it.
	Undying string
	// State is how it goes of a job that runs on another machine; nothing else is
	// told with it.
	State *State
	// Contact is about who runs the jobs, and about no job; nothing else is told
	// with it.
	Contact *Contact
}

// Span is from when to when something was; zero: not known.
type Span struct{ From, To time.Time }

// State is how it goes of a job that runs on another machine.
type State struct {
	Words string    // for people, such as "running on node2, Slurm job 4711"
	Began time.Time // zero: it has not begun, as far as is known
}

// Contact tells since when who runs the jobs does not answer.
type Contact struct {
	Since  time.Time // of the last answer; zero: there is one again
	Reason string    // in words, such as "Slurm does not answer: Unable to contact slurm controller"
}
