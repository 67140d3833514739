package page

import (
	"net/http"
	"time"

	"qm/cmd/qmweb/internal/stats"
)

// jsonStats is /api/v1/stats. What is not known is null.
type jsonStats struct {
	Period   string       `json:"period"`
	By       string       `json:"by"`
	Owner    string       `json:"owner"`
	From     time.Time    `json:"from"`
	To       time.Time    `json:"to"`
	Total    jsonGroup    `json:"total"`
	Owners   []jsonGroup  `json:"owners"`
	Steps    []jsonGroup  `json:"steps"`
	Rows     []jsonGroup  `json:"rows"`
	Timeline jsonTimeline `json:"timeline"`
}

// jsonGroup sums up jobs: those of an owner, of a step, or of both.
type jsonGroup struct {
	Owner          *string      `json:"owner,omitempty"`
	Start          *time.Time   `json:"start,omitempty"`
	Jobs           int          `json:"jobs"`
	Outcomes       jsonOutcomes `json:"outcomes"`
	ProcessorHours float64      `json:"processor_hours"`
	CPUHours       float64      `json:"cpu_hours"`
	Wait           jsonSpread   `json:"wait"`
	Run            jsonSpread   `json:"run"`
	Asked          *float64     `json:"processors_asked"`
	Used           *float64     `json:"processors_used"`
	PeakMemory     *int64       `json:"peak_memory_bytes"`
	MedianMemory   *int64       `json:"median_memory_bytes"`
	MemoryAsked    *float64     `json:"memory_asked_bytes"`
	MemoryUsed     *float64     `json:"memory_used_bytes"`
}

type jsonOutcomes struct {
	Succeeded   int `json:"succeeded"`
	Failed      int `json:"failed"`
	Stopped     int `json:"stopped"`
	TimedOut    int `json:"timed-out"`
	Interrupted int `json:"interrupted"`
	Rejected    int `json:"rejected"`
	Unknown     int `json:"unknown"`
}

type jsonSpread struct {
	Count  int      `json:"count"`
	Median *float64 `json:"median_seconds"`
	P90    *float64 `json:"p90_seconds"`
}

type jsonTimeline struct {
	From   time.Time    `json:"from"`
	Span   float64      `json:"span_seconds"`
	Series []jsonSeries `json:"series"`
}

type jsonSeries struct {
	Owner  string    `json:"owner"`
	Others bool      `json:"others"`
	Busy   []float64 `json:"busy"`
}

func (s *site) apiStats(w http.ResponseWriter, r *http.Request) error {
	f, err := s.figure(r)
	if err != nil {
		return err
	}
	b, err := f.json()
	if err != nil {
		return err
	}
	b.send(w, r, http.StatusOK)
	return nil
}

func jsonStatsOf(st *stats.Stats) *jsonStats {
	out := &jsonStats{
		Period: st.Period.String(), By: st.Step.String(), Owner: st.Owner, From: st.From, To: st.To, Total: groupOf(&st.Total),
		Owners: make([]jsonGroup, len(st.Owners)), Steps: make([]jsonGroup, len(st.Steps)), Rows: make([]jsonGroup, len(st.Rows)),
		Timeline: jsonTimeline{From: st.Timeline.From, Span: st.Timeline.Span.Seconds(), Series: make([]jsonSeries, len(st.Timeline.Series))},
	}
	for i := range st.Owners {
		out.Owners[i] = groupOf(&st.Owners[i].Group)
		out.Owners[i].Owner = &st.Owners[i].Owner
	}
	for i := range st.Steps {
		out.Steps[i] = groupOf(&st.Steps[i].Group)
		out.Steps[i].Start = &st.Steps[i].Start
	}
	for i := range st.Rows {
		out.Rows[i] = groupOf(&st.Rows[i].Group)
		out.Rows[i].Owner, out.Rows[i].Start = &st.Rows[i].Owner, &st.Rows[i].Start
	}
	for i, one := range st.Timeline.Series {
		out.Timeline.Series[i] = jsonSeries(one)
	}
	return out
}

func groupOf(g *stats.Group) jsonGroup {
	out := jsonGroup{
		Jobs: g.Jobs, ProcessorHours: g.ProcessorHours, CPUHours: g.CPUHours,
		Wait: spreadOf(g.Wait), Run: spreadOf(g.Run),
	}
	o := &out.Outcomes
	for i, n := range []*int{&o.Succeeded, &o.Failed, &o.Stopped, &o.TimedOut, &o.Interrupted, &o.Rejected} {
		*n = g.Outcomes[i] // in the order of layout.Outcomes
	}
	o.Unknown = g.Unknown
	if g.Asked > 0 {
		out.Asked, out.Used = &g.Asked, &g.Used
	}
	if g.PeakMemory > 0 {
		out.PeakMemory, out.MedianMemory = &g.PeakMemory, &g.MedianMemory
	}
	if g.MemoryAsked > 0 {
		out.MemoryAsked, out.MemoryUsed = &g.MemoryAsked, &g.MemoryUsed
	}
	return out
}

func spreadOf(s stats.Spread) jsonSpread {
	if s.Count == 0 {
		return jsonSpread{}
	}
	median, p90 := s.Median.Seconds(), s.P90.Seconds()
	return jsonSpread{s.Count, &median, &p90}
}
