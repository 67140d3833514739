package page

import (
	"fmt"
	"math"

	"github.com/dustin/go-humanize"

	"qm/cmd/qmweb/internal/stats"
)

// Charts are drawn in percent of their width and height, so that they fit any
// window while their texts keep their size.

// chart is a row of columns, one for each day or month.
type chart struct {
	ID      string
	Title   string
	Desc    string // what it tells, for who does not see it
	Top     string // what its full height stands for
	Middle  string
	Columns []column
	Ticks   []tick
	Legend  []badge
}

// column is a bar. X and Width are of its place, for the pointer; BarX and
// BarWidth of what is drawn.
type column struct {
	X, Width, BarX, BarWidth float64
	Title                    string
	Parts                    []part
}

// part is a piece of a bar, from the bottom up.
type part struct {
	Y, Height float64
	Class     string
}

// tick is a word below a chart.
type tick struct {
	X      float64
	Text   string
	Anchor string // class: where at X the text has its begin, middle or end
}

// columnsOf lays out as many columns.
func columnsOf(n int) []column {
	all := make([]column, n)
	width := 100 / float64(n)
	gap := .22 * width
	if n > 120 {
		gap = .08 * width
	}
	for i := range all {
		x := float64(i) * width
		all[i] = column{X: round(x), Width: round(width), BarX: round(x + gap/2), BarWidth: round(width - gap)}
	}
	return all
}

func round(v float64) float64 { return math.Round(100*v) / 100 }

// niceTop returns a round number that is not below v.
func niceTop(v float64) float64 {
	if v <= 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 3, 4, 6, 8} {
		if m*unit >= v && (m != 3 || unit > 1) { // whose half is whole
			return m * unit
		}
	}
	return 10 * unit
}

func axisText(v float64) string {
	switch {
	case v < 10:
		return fmt.Sprintf("%.2g", v)
	case v > 1e15:
		return fmt.Sprintf("%.0e", v)
	}
	return humanize.Comma(int64(v))
}

// stack puts values on each other, in parts of a height of 100.
func stack(top float64, values []float64, classes []string) []part {
	var parts []part
	y := 100.0
	for i, v := range values {
		if h := round(100 * v / top); h > 0 {
			y = round(y - h)
			parts = append(parts, part{y, h, classes[i]})
		}
	}
	return parts
}

func outcomeChart(st *stats.Stats) *chart {
	c := &chart{
		ID: "outcomes", Title: "Jobs that ended, per " + st.Step.String(), Columns: columnsOf(len(st.Steps)), Ticks: stepTicks(st),
		Legend: []badge{{"good", "succeeded"}, {"bad", "failed or timed out"}, {"calm", "stopped, lost, or not known"}},
	}
	most, best := 0, 0
	for i := range st.Steps {
		if n := st.Steps[i].Jobs; n > most {
			most, best = n, i
		}
	}
	top := max(niceTop(float64(most)), 4)
	c.Top, c.Middle = axisText(top), axisText(top/2)
	for i := range st.Steps {
		g := &st.Steps[i].Group
		good, failed, other := groups(g)
		c.Columns[i].Title = fmt.Sprintf("%s: %s, %d succeeded, %d failed, %d others", stepText(st.Steps[i].Start, st.Step, true), plural(g.Jobs, "job", "jobs"), good, failed, other)
		c.Columns[i].Parts = stack(top, []float64{float64(good), float64(failed), float64(other)}, []string{"p-good", "p-bad", "p-calm"})
	}
	good, failed, other := groups(&st.Total)
	c.Desc = fmt.Sprintf("In all %d succeeded, %d failed or timed out, %d were stopped, lost, or it is not known how they ended.", good, failed, other)
	if most > 0 {
		c.Desc += fmt.Sprintf(" Most ended on %s: %d.", stepText(st.Steps[best].Start, st.Step, true), most)
	}
	return c
}

func hoursChart(st *stats.Stats) *chart {
	c := &chart{ID: "hours", Title: "Processor hours, per " + st.Step.String(), Columns: columnsOf(len(st.Steps)), Ticks: stepTicks(st)}
	most, best := 0.0, 0
	for i := range st.Steps {
		if h := st.Steps[i].ProcessorHours; h > most {
			most, best = h, i
		}
	}
	top := niceTop(most)
	c.Top, c.Middle = axisText(top), axisText(top/2)
	for i := range st.Steps {
		h := st.Steps[i].ProcessorHours
		c.Columns[i].Title = fmt.Sprintf("%s: %s processor hours", stepText(st.Steps[i].Start, st.Step, true), hoursText(h))
		c.Columns[i].Parts = stack(top, []float64{h}, []string{"p-main"})
	}
	c.Desc = fmt.Sprintf("In all %s processor hours.", hoursText(st.Total.ProcessorHours))
	if most > 0 {
		c.Desc += fmt.Sprintf(" Most were used on %s: %s.", stepText(st.Steps[best].Start, st.Step, true), hoursText(most))
	}
	return c
}

// ticksShown is how many words stand below a chart, also on a phone.
const ticksShown = 4

func stepTicks(st *stats.Stats) []tick {
	n := len(st.Steps)
	return ticksOf(n, func(i int) (float64, string) {
		return (float64(i) + .5) / float64(n), stepText(st.Steps[i].Start, st.Step, false)
	})
}

// ticksOf chooses some of n places to name, the first and the last among them.
func ticksOf(n int, at func(i int) (x float64, text string)) []tick {
	count := min(n, ticksShown)
	var all []tick
	for k := range count {
		i := 0
		if count > 1 {
			i = k * (n - 1) / (count - 1)
		}
		x, text := at(i)
		t := tick{round(100 * x), text, "mid"}
		switch {
		case n == 1:
		case k == 0:
			t.X, t.Anchor = 0, "begin"
		case k == count-1:
			t.X, t.Anchor = 100, "end"
		}
		all = append(all, t)
	}
	return all
}
