package stats

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Timeline is who had the machine when: for each owner how many processors
// were busy, on average over each of some equal spans of time.
type Timeline struct {
	From   time.Time
	Span   time.Duration // of one element of Busy
	Series []Series      // who had most first; the sum of the others last
}

// Series is one owner's part of the timeline.
type Series struct {
	Owner  string
	Others bool // this is all other owners together
	Busy   []float64
}

const (
	maxSeries  = 8   // besides the others
	maxOwners  = 500 // that are summed up apart: names of owners come from job folders
	maxBuckets = 400
)

// line is a Timeline in the making.
type line struct {
	from   time.Time
	span   time.Duration
	edges  []int64
	owners map[string][]float64 // processor seconds
	rest   []float64            // the same of those who came when there were maxOwners
}

// spanOf returns how long an element of the timeline of a period is.
func spanOf(p Period, from, now time.Time) time.Duration {
	switch p {
	case Week:
		return time.Hour
	case Month:
		return 4 * time.Hour
	case Year, All:
	}
	days := now.Sub(from).Hours() / 24 / maxBuckets
	return time.Duration(int(days)+1) * 24 * time.Hour
}

func newTimeline(p Period, from, now time.Time) *line {
	l := &line{from: from, span: spanOf(p, from, now), owners: make(map[string][]float64)}
	for t := from; t.Before(now); t = t.Add(l.span) {
		l.edges = append(l.edges, t.Unix())
	}
	l.edges = append(l.edges, from.Add(time.Duration(len(l.edges))*l.span).Unix())
	return l
}

// add notes that a job had processors from begin to end, in Unix seconds.
func (l *line) add(owner string, procs int, begin, end int64) {
	for i, seconds := range overlaps(l.edges, begin, end) {
		l.of(owner)[i] += float64(seconds) * float64(procs)
	}
}

func (l *line) of(owner string) []float64 {
	busy := l.owners[owner]
	switch {
	case busy != nil:
	case len(l.owners) < maxOwners:
		busy = make([]float64, len(l.edges)-1)
		l.owners[owner] = busy
	case l.rest != nil:
		busy = l.rest
	default:
		l.rest = make([]float64, len(l.edges)-1)
		busy = l.rest
	}
	return busy
}

func (l *line) timeline() Timeline {
	t := Timeline{From: l.from, Span: l.span}
	total := make(map[string]float64)
	for owner, busy := range l.owners {
		for i := range busy {
			total[owner] += busy[i]
			busy[i] /= l.span.Seconds()
		}
		t.Series = append(t.Series, Series{Owner: owner, Busy: busy})
	}
	slices.SortFunc(t.Series, func(a, b Series) int {
		return cmp.Or(cmp.Compare(total[b.Owner], total[a.Owner]), strings.Compare(a.Owner, b.Owner))
	})
	if l.rest != nil {
		for i := range l.rest {
			l.rest[i] /= l.span.Seconds()
		}
		t.Series = append(t.Series, Series{Busy: l.rest})
	}
	if len(t.Series) > maxSeries+1 {
		t.Series = append(t.Series[:maxSeries:maxSeries], others(t.Series[maxSeries:]))
	}
	return t
}

// others adds up series.
func others(series []Series) Series {
	all := Series{Others: true, Busy: make([]float64, len(series[0].Busy))}
	for _, s := range series {
		for i, busy := range s.Busy {
			all.Busy[i] += busy
		}
	}
	return all
}
