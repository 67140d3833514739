package page

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"time"

	"github.com/dustin/go-humanize"

	"qm/cmd/qmweb/internal/stats"
	"qm/pkg/layout"
)

// statsPage is the data of stats.html.
type statsPage struct {
	frame
	Periods  []choice
	Steps    []choice
	Owner    string // only this owner's jobs
	Everyone string // link to all owners' jobs
	Range    string // the period in words
	CSV      string // link
	Empty    bool   // no job ended, and none ran, in this time
	Totals   []total
	Outcomes *chart
	Hours    *chart
	Timeline []lane
	Axis     []tick // of the timeline
	Per      string // day or month
	Owners   []ownerRow
	More     string // owners not shown
	Rows     []stepRow
}

// choice is a link to another view of the same; the one that is shown is Here.
type choice struct {
	Word, Link string
	Here       bool
}

// total is a number worth seeing first.
type total struct{ Name, Big, Small string }

// statsPace is how many seconds the script lets pass between two looks at the
// statistics.
const statsPace = 10

// stats shows who used the machine.
func (s *site) stats(w http.ResponseWriter, r *http.Request) error {
	f, err := s.figure(r)
	if err != nil {
		return err
	}
	b, err := f.page()
	if err != nil {
		return err
	}
	b.send(w, r, http.StatusOK)
	return nil
}

// statsCSV is the same as a table for spreadsheets.
func (s *site) statsCSV(w http.ResponseWriter, r *http.Request) error {
	st, err := s.statistics(r)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8; header=present")
	h.Set("Content-Disposition", attachment(fmt.Sprintf("qm-%s-by-%s.csv", st.Period, st.Step)))
	_ = st.WriteCSV(w) // whoever asked may be gone
	return nil
}

func (s *site) statsPage(st *stats.Stats) *statsPage {
	p := &statsPage{frame: s.frame("Statistics"), Owner: oneLine(st.Owner), Per: st.Step.String()}
	p.Here, p.Pace = "stats", statsPace
	link := func(q stats.Query) string { return s.Prefix + "/stats?" + statsQuery(q) }
	for _, known := range stats.Periods {
		q := stats.Query{Period: known.Period, Step: known.Period.DefaultStep(), Owner: st.Owner}
		p.Periods = append(p.Periods, choice{periodWord(known.Period), link(q), known.Period == st.Period})
	}
	for _, step := range []stats.Step{stats.Daily, stats.Monthly} {
		q := st.Query
		q.Step = step
		p.Steps = append(p.Steps, choice{"by " + step.String(), link(q), step == st.Step})
	}
	all := st.Query
	all.Owner = ""
	p.Everyone = link(all)
	p.CSV = s.Prefix + "/stats.csv?" + statsQuery(st.Query)
	p.Range = dayText(st.From) + " to " + dayText(st.To)
	p.Empty = st.Total.Jobs == 0 && st.Total.ProcessorHours == 0
	if p.Empty {
		return p
	}
	p.Totals = totals(&st.Total)
	p.Outcomes, p.Hours = outcomeChart(st), hoursChart(st)
	p.Timeline, p.Axis = lanes(st)
	p.Owners, p.More = s.ownerRows(st)
	p.Rows = stepRows(st)
	return p
}

func statsQuery(q stats.Query) string {
	v := url.Values{"period": {q.Period.String()}, "by": {q.Step.String()}}
	if q.Owner != "" {
		v.Set("owner", q.Owner)
	}
	return v.Encode()
}

func periodWord(p stats.Period) string {
	return map[stats.Period]string{stats.Week: "7 days", stats.Month: "30 days", stats.Year: "a year", stats.All: "all"}[p]
}

func dayText(t time.Time) string { return t.Local().Format("2 January 2006") }

func totals(g *stats.Group) []total {
	all := []total{{"Jobs ended", humanize.Comma(int64(g.Jobs)), percentText(float64(g.Outcomes[0]), float64(g.Jobs)) + " succeeded"}}
	all = append(all, total{"Processor hours", hoursText(g.ProcessorHours), ""})
	if e, ok := g.Efficiency(); ok {
		all = append(all, total{"Kept busy", fmt.Sprintf("%.0f %%", 100*e), "of the processors given"})
	}
	if g.Wait.Count > 0 {
		all = append(all, total{"Wait, median", span(g.Wait.Median), "90 % below " + span(g.Wait.P90)})
	}
	if g.Run.Count > 0 {
		all = append(all, total{"Run, median", span(g.Run.Median), "90 % below " + span(g.Run.P90)})
	}
	return all
}

func percentText(part, all float64) string {
	if all <= 0 {
		return "0 %"
	}
	return fmt.Sprintf("%.0f %%", 100*part/all)
}

// hoursText writes hours with as many digits as say something.
func hoursText(h float64) string {
	switch {
	case h <= 0 || math.IsNaN(h):
		return "0"
	case h < .1:
		return "< 0.1"
	case h < 10:
		return fmt.Sprintf("%.1f", h)
	case h > 1e15:
		return "very many"
	}
	return humanize.Comma(int64(math.Round(h)))
}

// groups are the outcomes as charts and tables have them: good, failed, others.
func groups(g *stats.Group) (good, failed, other int) {
	for i, o := range layout.Outcomes {
		switch n := g.Outcomes[i]; o {
		case layout.Succeeded:
			good += n
		case layout.Failed, layout.TimedOut:
			failed += n
		case layout.Stopped, layout.Interrupted, layout.Rejected:
			other += n
		}
	}
	return good, failed, other + g.Unknown
}
