package stats

import "time"

// Period is how far back statistics reach, in days; All: as far as there are
// jobs.
type Period int

// The periods to choose from.
const (
	All   Period = 0
	Week  Period = 7
	Month Period = 30
	Year  Period = 365
)

// Periods are all of them, the shortest first, and their words.
var Periods = [...]struct {
	Period Period
	Word   string
}{{Week, "7d"}, {Month, "30d"}, {Year, "365d"}, {All, "all"}}

// ParsePeriod reads the word of a period.
func ParsePeriod(word string) (Period, bool) {
	for _, p := range Periods {
		if p.Word == word {
			return p.Period, true
		}
	}
	return 0, false
}

// String returns the period's word.
func (p Period) String() string {
	for _, known := range Periods {
		if known.Period == p {
			return known.Word
		}
	}
	return "all"
}

// Step is the unit of time into which a period is cut.
type Step int

// The steps. A day is one of the calendar here, with 23 to 25 hours.
const (
	Monthly Step = iota
	Daily
)

// ParseStep reads the word of a step.
func ParseStep(word string) (Step, bool) {
	switch word {
	case "day":
		return Daily, true
	case "month":
		return Monthly, true
	}
	return 0, false
}

// String returns the step's word: day or month.
func (s Step) String() string {
	if s == Daily {
		return "day"
	}
	return "month"
}

// DefaultStep is the step to show a period in where none is asked for.
func (p Period) DefaultStep() Step {
	if p == Week || p == Month {
		return Daily
	}
	return Monthly
}

// from returns the start of the first step of the period that ends now. For
// All it is not known before the jobs are.
func (p Period) from(s Step, now time.Time) time.Time {
	if p == All {
		return now
	}
	return s.floor(now.AddDate(0, 0, 1-int(p)))
}

// floor returns the start of the step in which a time lies.
func (s Step) floor(t time.Time) time.Time {
	t = t.Local()
	year, month, day := t.Date()
	if s == Monthly {
		day = 1
	}
	return time.Date(year, month, day, 0, 0, 0, 0, time.Local)
}

func (s Step) next(t time.Time) time.Time {
	if s == Daily {
		return t.AddDate(0, 0, 1)
	}
	return t.AddDate(0, 1, 0)
}

// edges returns the starts of the steps from one on until the one that holds
// now, and the end of that, as Unix seconds.
func (s Step) edges(from, now time.Time) []int64 {
	edges := []int64{from.Unix()}
	for t := from; !t.After(now); {
		t = s.next(t)
		edges = append(edges, t.Unix())
	}
	return edges
}
