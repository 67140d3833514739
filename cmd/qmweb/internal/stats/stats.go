// Package stats tells from the jobs of a snapshot who used the machine, when,
// and how well: pure arithmetic, nothing is read.
package stats

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"time"

	"qm/cmd/qmweb/internal/snapshot"
	"qm/pkg/layout"
)

// Query says what to tell of. Its zero value is all that is known, by months.
type Query struct {
	Period Period
	Step   Step
	Owner  string // only this owner's jobs; empty: all
}

// Stats is what the jobs of a period tell. A job counts on the day on which it
// ended; its processor hours on the days on which they were used.
type Stats struct {
	Query
	From, To time.Time // the period: from the start of a day or month until now
	Total    Group
	Owners   []OwnerGroup // the most processor hours first
	Steps    []StepGroup  // the oldest first, also those in which nothing ended
	Rows     []Row        // per step and owner, the oldest first; only those with something to tell
	Timeline Timeline
}

// Group is what some jobs have in common.
type Group struct {
	Jobs     int // that ended
	Outcomes [len(layout.Outcomes)]int
	Unknown  int // of Jobs, those of which no outcome is known

	ProcessorHours float64 // processors given times hours, also of jobs that still run
	CPUHours       float64 // processor time used; only jobs that ended and have a record tell it
	Wait, Run      Spread
	Asked          float64 // mean processors given, weighted by run time, over the jobs whose use is known
	Used           float64 // mean processors kept busy by those jobs
	PeakMemory     int64   // bytes, of the job that used most; 0: not known
	MedianMemory   int64   // bytes; 0: not known
	MemoryAsked    float64 // mean bytes, over the jobs that asked for memory and whose use is known
	MemoryUsed     float64 // mean of the most that each of those had at a time
}

// Efficiency is the part of the processors that were given which was used,
// 0 to 1 and a bit; ok is false where nothing is known.
func (g *Group) Efficiency() (part float64, ok bool) {
	if g.Asked <= 0 {
		return 0, false
	}
	return g.Used / g.Asked, true
}

// Spread is how long something took.
type Spread struct {
	Count       int // of jobs of which it is known
	Median, P90 time.Duration
}

// OwnerGroup is the Group of one owner's jobs.
type OwnerGroup struct {
	Owner string
	Group
}

// StepGroup is the Group of the jobs that ended in one day or month.
type StepGroup struct {
	Start time.Time
	Group
}

// Row is the Group of one owner's jobs in one day or month.
type Row struct {
	Start time.Time
	Owner string
	Group
}

// Of computes the statistics of the jobs in a snapshot.
func Of(snap *snapshot.Snapshot, q Query, now time.Time) *Stats {
	c := newCount(q, now)
	if q.Period == All {
		c.from = c.step.floor(oldest(ended(snap), now))
	}
	c.edges = c.step.edges(c.from, now)
	c.line = newTimeline(q.Period, c.from, now)
	for j := range ended(snap) {
		c.add(j)
	}
	for j := range snap.All(layout.Running) {
		c.addHours(j, now)
	}
	return c.stats()
}

// ended yields the jobs that ended; each only until the next one is asked for.
func ended(snap *snapshot.Snapshot) iter.Seq[*snapshot.Job] {
	return func(yield func(*snapshot.Job) bool) {
		for _, st := range []layout.State{layout.Done, layout.Lost} {
			for j := range snap.All(st) {
				if !j.Unread && !j.Private && !yield(j) {
					return
				}
			}
		}
	}
}

// longest is how many years statistics reach back: a log may name any time.
const longest = 20

// oldest returns when the first of the jobs ended.
func oldest(jobs iter.Seq[*snapshot.Job], now time.Time) time.Time {
	first, limit := now, now.AddDate(-longest, 0, 0)
	for j := range jobs {
		if j.Finished.Before(first) && j.Finished.After(limit) {
			first = j.Finished
		}
	}
	return first
}

// count sums up jobs.
type count struct {
	q     Query
	step  Step
	from  time.Time
	now   time.Time
	edges []int64 // starts of the steps, Unix seconds, and the end of the last
	total sum
	owner map[string]*sum
	steps map[int]*sum
	cells map[cell]*sum
	line  *line
}

type cell struct {
	step  int
	owner string
}

func newCount(q Query, now time.Time) *count {
	return &count{
		q: q, step: q.Step, now: now, from: q.Period.from(q.Step, now),
		owner: make(map[string]*sum), steps: make(map[int]*sum), cells: make(map[cell]*sum),
	}
}

// sums are all that a job of this owner counts in which ended in this step.
func (c *count) sums(step int, owner string) [4]*sum {
	return [4]*sum{&c.total, sumOf(c.owner, owner), sumOf(c.steps, step), sumOf(c.cells, cell{step, owner})}
}

func sumOf[K comparable](m map[K]*sum, key K) *sum {
	s := m[key]
	if s == nil {
		s = new(sum)
		m[key] = s
	}
	return s
}

// add counts a job that ended.
func (c *count) add(j *snapshot.Job) {
	if c.q.Owner != "" && j.Owner != c.q.Owner {
		return
	}
	end := j.Finished.Unix()
	if i := c.stepOf(end); i >= 0 {
		for _, s := range c.sums(i, j.Owner) {
			s.add(j)
		}
	}
	c.addHours(j, j.Finished)
}

// stepOf returns the step in which a time lies; negative: none.
func (c *count) stepOf(at int64) int {
	i, found := slices.BinarySearch(c.edges, at)
	if !found {
		i--
	}
	if i >= len(c.edges)-1 {
		return -1
	}
	return i
}

// addHours counts the processors that a job had until then, when it had them.
func (c *count) addHours(j *snapshot.Job, until time.Time) {
	if c.q.Owner != "" && j.Owner != c.q.Owner || j.Started.IsZero() || j.NbProc <= 0 || until.After(c.now.Add(time.Minute)) {
		return
	}
	begin, end := j.Started.Unix(), until.Unix()
	for i, seconds := range overlaps(c.edges, begin, end) {
		for _, s := range c.sums(i, j.Owner) {
			s.hours += float64(seconds) * float64(j.NbProc) / 3600
		}
	}
	c.line.add(j.Owner, j.NbProc, begin, end)
}

// overlaps yields how many seconds of a span lie in each of the steps between
// the edges.
func overlaps(edges []int64, begin, end int64) iter.Seq2[int, int64] {
	return func(yield func(int, int64) bool) {
		i, _ := slices.BinarySearch(edges, begin+1)
		for i = max(i-1, 0); i < len(edges)-1 && edges[i] < end; i++ {
			if n := min(end, edges[i+1]) - max(begin, edges[i]); n > 0 && !yield(i, n) {
				return
			}
		}
	}
}

func (c *count) stats() *Stats {
	s := &Stats{Query: c.q, From: c.from, To: c.now, Total: c.total.group(), Timeline: c.line.timeline()}
	for owner, sum := range c.owner {
		s.Owners = append(s.Owners, OwnerGroup{owner, sum.group()})
	}
	slices.SortFunc(s.Owners, func(a, b OwnerGroup) int {
		return cmp.Or(cmp.Compare(b.ProcessorHours, a.ProcessorHours), cmp.Compare(b.Jobs, a.Jobs), strings.Compare(a.Owner, b.Owner))
	})
	for i := range len(c.edges) - 1 {
		s.Steps = append(s.Steps, StepGroup{time.Unix(c.edges[i], 0), sumOf(c.steps, i).group()})
	}
	for cell, sum := range c.cells {
		s.Rows = append(s.Rows, Row{time.Unix(c.edges[cell.step], 0), cell.owner, sum.group()})
	}
	slices.SortFunc(s.Rows, func(a, b Row) int { return cmp.Or(a.Start.Compare(b.Start), strings.Compare(a.Owner, b.Owner)) })
	return s
}
