// Package snapshot reads the tree of folders and keeps what it read as one
// immutable value, so that any number of requests cost one look at the disk.
// It only reads, and believes nothing that lies in a job's folder: a folder
// that can't be read, or lies, is shown as such and spoils nothing else.
package snapshot

import (
	"iter"
	"slices"
	"time"

	"qm/pkg/jobinfo"
	"qm/pkg/layout"
)

// Snapshot is the tree at one moment. It is never changed after it was made.
type Snapshot struct {
	At      time.Time // when the reading began
	Problem string    // why there is no tree, in words; then the rest is empty
	Version uint64    // differs from that of an earlier one if anything but At does
	Server  Server
	Jobs    [len(layout.States)][]*Job // by state, each in the order to show
	Notes   []layout.Note              // what lies in the folders and is no job
	Unread  int                        // jobs of which only name and times are known yet
}

// Counts tells how many jobs there are in each state. Arriving ones are not
// counted as queued.
type Counts struct {
	Arriving int `json:"arriving"`
	Queued   int `json:"queued"`
	Running  int `json:"running"`
	Done     int `json:"done"`
	Lost     int `json:"lost"`
}

// Counts counts the jobs.
func (s *Snapshot) Counts() Counts {
	c := Counts{
		Queued:  len(s.Jobs[layout.Queued]),
		Running: len(s.Jobs[layout.Running]),
		Done:    len(s.Jobs[layout.Done]),
		Lost:    len(s.Jobs[layout.Lost]),
	}
	for _, j := range s.Jobs[layout.Queued] {
		if j.Arriving {
			c.Arriving++
		}
	}
	c.Queued -= c.Arriving
	return c
}

// Count returns how many jobs have this state, arriving ones too.
func (s *Snapshot) Count(st layout.State) int { return len(s.Jobs[st]) }

// All yields the jobs of a state in the order to show. A job is only valid
// until the next one is asked for.
func (s *Snapshot) All(st layout.State) iter.Seq[*Job] { return slices.Values(s.Jobs[st]) }

// Job is what the lists tell of a job. Texts that its folder holds are cut to
// a bounded length; Store.Detail has them whole.
type Job struct {
	Name    string // bytes as on disk; show it by layout.Display
	State   layout.State
	Outcome layout.Outcome // empty: not ended, or not known
	Owner   string
	Info    string
	Script  string
	Size    string
	Reason  string // why it waits, or why it ended as it did
	NbProc  int    // processors that it got, or asks for; 0: not known
	Asked   int    // processors that its info file asks for; 0: not known

	Priority  int
	Submitted time.Time // this and the next two: zero if not known
	Started   time.Time
	Finished  time.Time
	Changed   time.Time     // when its folder last changed or was moved
	Took      time.Duration // how long it ran; negative: not known
	ExitCode  *int
	Signal    *int

	CPUSeconds float64 // processor time that it used; negative: not known
	PeakMemory int64   // bytes; 0: not known

	Position int  // in the queue, from 1; 0: none, or not known
	Arriving bool // in the queue folder, still being copied

	Progress *jobinfo.Progress // of a running job; nil: not known
	LastLine string            // that a running job printed
	Private  bool              // its folder may not be read
	Unread   bool              // not read yet
}

// Elapsed returns how long the job ran, until now if it still runs.
func (j *Job) Elapsed(now time.Time) (time.Duration, bool) {
	if j.State == layout.Running && j.Finished.IsZero() {
		return max(now.Sub(j.Started), 0), !j.Started.IsZero()
	}
	return j.Took, j.Took >= 0
}

// Remaining estimates how long a running job still needs, going by its pace
// so far.
func (j *Job) Remaining(now time.Time) (time.Duration, bool) {
	elapsed, ok := j.Elapsed(now)
	if !ok || j.State != layout.Running || j.Progress == nil || j.Progress.Percent <= 0 || j.Progress.Percent > 100 {
		return 0, false
	}
	const sane = 1000 * 24 * time.Hour
	left := elapsed.Seconds() * (100/j.Progress.Percent - 1)
	if left > sane.Seconds() {
		return 0, false
	}
	return time.Duration(left * float64(time.Second)), true
}

// shown is the time that a job of a state is listed by.
func (j *Job) shown() time.Time {
	switch {
	case j.State == layout.Running && !j.Started.IsZero():
		return j.Started
	case j.State != layout.Running && !j.Finished.IsZero():
		return j.Finished
	}
	return j.Changed
}
