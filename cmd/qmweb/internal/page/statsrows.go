package page

import (
	"fmt"
	"math"
	"time"

	"github.com/dustin/go-humanize"

	"qm/cmd/qmweb/internal/stats"
)

// maxOwnersShown is how many owners the page has rows for; the CSV has all.
const maxOwnersShown = 100

// ownerRow is an owner's line of the table.
type ownerRow struct {
	Name, Link  string
	Jobs        string
	Good        string // how many of them succeeded, in percent
	Hours       string
	Share       float64 // of the most hours that an owner has, in percent
	Wait, Run   spread
	Given, Used string
	Efficiency  string
	Busy        float64 // of what was given, in percent
	Memory      string
	MemoryAsked string // and used, of those that asked for some
}

// spread is how long something took, in words.
type spread struct{ Median, P90 string }

// stepRow is a line of the table of days or months.
type stepRow struct {
	Name                string
	Jobs                string
	Good, Failed, Other string
	Hours               string
	Wait, Run           spread
	Efficiency          string
}

func spreadText(sp stats.Spread) spread {
	if sp.Count == 0 {
		return spread{}
	}
	return spread{span(sp.Median), span(sp.P90)}
}

func (s *site) ownerRows(st *stats.Stats) (rows []ownerRow, more string) {
	top := 0.0
	for i := range st.Owners {
		top = max(top, st.Owners[i].ProcessorHours)
	}
	for i := range st.Owners {
		if i == maxOwnersShown {
			return rows, plural(len(st.Owners)-maxOwnersShown, "more, in the CSV", "more, in the CSV")
		}
		o := &st.Owners[i]
		q := st.Query
		q.Owner = o.Owner
		row := ownerRow{
			Name: ownerText(o.Owner), Link: s.Prefix + "/stats?" + statsQuery(q), Jobs: humanize.Comma(int64(o.Jobs)),
			Good: percentText(float64(o.Outcomes[0]), float64(o.Jobs)), Hours: hoursText(o.ProcessorHours),
			Share: share(o.ProcessorHours, top), Wait: spreadText(o.Wait), Run: spreadText(o.Run),
		}
		if o.Owner == "" {
			row.Link = ""
		}
		if o.Jobs == 0 {
			row.Good = ""
		}
		if e, ok := o.Efficiency(); ok {
			row.Given, row.Used, row.Efficiency, row.Busy = fmt.Sprintf("%.1f", o.Asked), fmt.Sprintf("%.1f", o.Used), fmt.Sprintf("%.0f %%", 100*e), share(e, 1)
		}
		row.Memory = memoryText(o.PeakMemory)
		if o.MemoryAsked > 0 {
			row.MemoryAsked = memoryText(int64(o.MemoryAsked)) + " → " + memoryText(int64(o.MemoryUsed))
		}
		rows = append(rows, row)
	}
	return rows, ""
}

// ownerText names an owner, also one that is not known.
func ownerText(owner string) string {
	if owner = oneLine(owner); owner == "" {
		return "not known"
	}
	return owner
}

// share is a part of a whole as a percentage to draw, from 0 to 100.
func share(part, whole float64) float64 {
	if whole <= 0 || math.IsNaN(part) {
		return 0
	}
	return math.Round(1000*min(max(part/whole, 0), 1)) / 10
}

func memoryText(bytes int64) string {
	if bytes <= 0 {
		return ""
	}
	return humanize.IBytes(uint64(bytes))
}

// stepRows are the days or months in which something was, the newest first.
func stepRows(st *stats.Stats) []stepRow {
	var rows []stepRow
	for i := len(st.Steps) - 1; i >= 0; i-- {
		g := &st.Steps[i]
		if g.Jobs == 0 && g.ProcessorHours == 0 {
			continue
		}
		good, failed, other := groups(&g.Group)
		row := stepRow{
			Name: stepText(g.Start, st.Step, true), Jobs: humanize.Comma(int64(g.Jobs)), Good: humanize.Comma(int64(good)),
			Failed: humanize.Comma(int64(failed)), Other: humanize.Comma(int64(other)), Hours: hoursText(g.ProcessorHours),
			Wait: spreadText(g.Wait), Run: spreadText(g.Run),
		}
		if e, ok := g.Efficiency(); ok {
			row.Efficiency = fmt.Sprintf("%.0f %%", 100*e)
		}
		rows = append(rows, row)
	}
	return rows
}

// stepText names a day or month; long: also the year.
func stepText(t time.Time, step stats.Step, long bool) string {
	form := map[stats.Step][2]string{stats.Daily: {"2 Jan", "Mon, 2 Jan 2006"}, stats.Monthly: {"Jan 2006", "January 2006"}}[step]
	if long {
		return t.Format(form[1])
	}
	return t.Format(form[0])
}
