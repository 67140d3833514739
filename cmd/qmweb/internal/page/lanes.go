package page

import (
	"fmt"
	"math"
	"strings"
	"time"

	"qm/cmd/qmweb/internal/stats"
)

// lane is one owner's part of the timeline.
type lane struct {
	Name  string
	Link  string
	Most  string // "up to 12.5 processors"
	Width int    // of Path's coordinates; their height is laneHeight
	Path  string
	All   bool // it is the sum of all, to a scale of its own
	Rest  bool // it is the sum of those who have no lane, likewise
}

const laneHeight = 100

// lanes draws who had the machine when: a lane for all together, then one for
// each owner, these to one scale.
func lanes(st *stats.Stats) ([]lane, []tick) {
	t := &st.Timeline
	if len(t.Series) == 0 || len(t.Series[0].Busy) == 0 {
		return nil, nil
	}
	n := len(t.Series[0].Busy)
	sum := make([]float64, n)
	top := 0.0
	for _, s := range t.Series {
		for i, b := range s.Busy {
			sum[i] += b
		}
		if !s.Others {
			top = max(top, peak(s.Busy))
		}
	}
	all := []lane{{Name: "all together", Most: mostText(sum), Width: n, Path: stepPath(sum, peak(sum)), All: true}}
	if len(t.Series) == 1 {
		all = nil
	}
	for _, s := range t.Series {
		name, scale := ownerText(s.Owner), top
		if s.Others {
			name, scale = "all others", peak(s.Busy)
		}
		all = append(all, lane{Name: name, Most: mostText(s.Busy), Width: n, Path: stepPath(s.Busy, scale), Rest: s.Others})
	}
	ticks := ticksOf(n, func(i int) (float64, string) {
		return (float64(i) + .5) / float64(n), t.From.Add(time.Duration(i) * t.Span).Local().Format("2 Jan")
	})
	return all, ticks
}

func peak(busy []float64) float64 {
	top := 0.0
	for _, b := range busy {
		top = max(top, b)
	}
	return top
}

func mostText(busy []float64) string {
	switch top := peak(busy); {
	case top > 0 && top < .1:
		return "below 0.1"
	default:
		return "at most " + strings.TrimSuffix(fmt.Sprintf("%.1f", top), ".0")
	}
}

// stepPath draws values as steps over a ground line.
func stepPath(values []float64, top float64) string {
	if top <= 0 {
		top = 1
	}
	var b strings.Builder
	fmt.Fprintf(&b, "M0 %d", laneHeight)
	before := laneHeight
	for i, v := range values {
		y := laneHeight - int(math.Round(laneHeight*min(max(v/top, 0), 1)))
		if v > 0 && y == laneHeight {
			y-- // a little is not nothing
		}
		if y != before {
			fmt.Fprintf(&b, "H%dV%d", i, y)
			before = y
		}
	}
	fmt.Fprintf(&b, "H%dV%dZ", len(values), laneHeight)
	return b.String()
}
