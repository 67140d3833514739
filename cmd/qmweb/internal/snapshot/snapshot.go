// Package snapshot reads the tree of folders and keeps what it read as one
// immutable value, so that any number of requests cost one look at the disk.
// It only reads, and believes nothing that lies in a job's folder: a folder
// that can't be read, or lies, is shown as such and spoils nothing else.
package snapshot

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"qm/pkg/jobinfo"
	"qm/pkg/layout"
)

// Snapshot is the tree at one moment. It is never changed after it was made.
type Snapshot struct {
	At      time.Time // when the reading began
	Version uint64    // of two snapshots of a store differs if more than At does
	Problem string    // why there is no tree, in words; then the rest is empty
	Server  Server
	Notes   []layout.Note // what lies in the folders and is no job
	Unread  int           // jobs of which only name and times are known yet

	lists    [len(layout.States)][]*packed // each in the order to show
	arriving int
	owners   func() []string
}

// New returns a snapshot of these jobs, each state's in the order given.
func New(at time.Time, jobs ...*Job) *Snapshot {
	s := &Snapshot{At: at}
	same := make(owners)
	for _, j := range jobs {
		short := *j
		s.lists[j.State] = append(s.lists[j.State], pack(short.shorten(), same))
	}
	s.complete()
	return s
}

// complete sets what follows from the lists.
func (s *Snapshot) complete() {
	for _, p := range s.lists[layout.Queued] {
		if p.live.arriving {
			s.arriving++
		}
	}
	newest := s.lists[layout.Done][:min(len(s.lists[layout.Done]), maxCount)]
	s.owners = sync.OnceValue(func() []string { return busiest(newest) })
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
	return Counts{
		Arriving: s.arriving,
		Queued:   s.Count(layout.Queued) - s.arriving,
		Running:  s.Count(layout.Running),
		Done:     s.Count(layout.Done),
		Lost:     s.Count(layout.Lost),
	}
}

// Count returns how many jobs have this state, arriving ones too.
func (s *Snapshot) Count(st layout.State) int { return len(s.lists[st]) }

// Total returns how many jobs there are; Unread of them are not read yet.
func (s *Snapshot) Total() int {
	n := 0
	for _, list := range s.lists {
		n += len(list)
	}
	return n
}

// All yields the jobs of a state in the order to show. A job is only valid
// until the next one is asked for.
func (s *Snapshot) All(st layout.State) iter.Seq[*Job] {
	return func(yield func(*Job) bool) {
		var j Job
		for _, p := range s.lists[st] {
			p.unpack(&j)
			if !yield(&j) {
				return
			}
		}
	}
}

// Outcomes counts the jobs of a state that are read by their outcome;
// "unknown" is one, too.
func (s *Snapshot) Outcomes(st layout.State) map[string]int {
	var counts [1 + len(layout.Outcomes)]int
	for _, p := range s.lists[st] {
		if !p.is(isUnread) {
			counts[p.outcome]++
		}
	}
	named := map[string]int{"unknown": counts[0]}
	for i, o := range layout.Outcomes {
		named[string(o)] = counts[i+1]
	}
	return named
}

// maxOwners is the most owners that Owners tells; of so many jobs that ended last
// it counts whose they are.
const (
	maxOwners = 200
	maxCount  = 10_000
)

// Owners returns whose the 10,000 jobs are that were done last, whoever has most
// of them first, at most 200.
func (s *Snapshot) Owners() []string {
	if s.owners == nil {
		return nil
	}
	return s.owners()
}

func busiest(jobs []*packed) []string {
	count := make(map[string]int)
	for _, p := range jobs {
		if p.owner != "" {
			count[p.owner]++
		}
	}
	names := slices.SortedFunc(maps.Keys(count), func(a, b string) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), strings.Compare(a, b))
	})
	return slices.Clone(names[:min(len(names), maxOwners)])
}

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
	Memory     int64   // bytes that it asked for; 0: none, or not known

	Position int  // in the queue, from 1; 0: none, or not known
	Arriving bool // in the queue folder, still being copied

	Progress *jobinfo.Progress // of a running job; nil: not known
	LastLine string            // that a running job printed
	Slurm    string            // how a running job is with Slurm, in words; empty: Slurm has not got it
	Silent   time.Time         // since when Slurm has not answered; zero: it does
	Private  bool              // its folder may not be read
	Unread   bool              // not read yet
}

// Runs tells that the job runs: one that has just ended may still lie where it
// ran.
func (j *Job) Runs() bool { return j.State == layout.Running && j.Finished.IsZero() }

// Elapsed returns how long the job ran, until now if it still runs.
func (j *Job) Elapsed(now time.Time) (time.Duration, bool) {
	if j.Runs() {
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
