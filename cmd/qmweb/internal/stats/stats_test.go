package stats

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"qm/cmd/qmweb/internal/snapshot"
	"qm/pkg/layout"
)

var noon = time.Date(2026, 6, 17, 12, 0, 0, 0, time.Local)

// job is one that ended so many hours before noon.
func job(owner string, ended, took float64, procs int, change ...func(*snapshot.Job)) *snapshot.Job {
	hours := func(h float64) time.Duration { return time.Duration(h * float64(time.Hour)) }
	j := &snapshot.Job{
		Name: "x", State: layout.Done, Owner: owner, NbProc: procs, Outcome: layout.Succeeded, CPUSeconds: -1,
		Finished: noon.Add(-hours(ended)), Started: noon.Add(-hours(ended + took)), Took: hours(took),
	}
	for _, c := range change {
		c(j)
	}
	return j
}

func snap(jobs ...*snapshot.Job) *snapshot.Snapshot { return snapshot.New(noon, jobs...) }

func close(a, b float64) bool { return math.Abs(a-b) < 1e-6 }

func TestTotal(t *testing.T) {
	used := func(seconds float64, memory int64) func(*snapshot.Job) {
		return func(j *snapshot.Job) { j.CPUSeconds, j.PeakMemory = seconds, memory }
	}
	s := Of(snap(
		job("a", 1, 2, 4, used(3600, 100), func(j *snapshot.Job) { j.Memory = 1000 }),
		job("a", 30, 1, 2, func(j *snapshot.Job) { j.Outcome, j.Submitted = layout.Failed, j.Started.Add(-time.Minute) }),
		job("b", 2, 1, 1, used(3600, 300), func(j *snapshot.Job) { j.Outcome = "" }),
		job("b", 24*40, 1, 1),
	), Query{Period: Month, Step: Daily}, noon)
	g := &s.Total
	if g.Jobs != 3 || g.Outcomes[0] != 1 || g.Outcomes[1] != 1 || g.Unknown != 1 {
		t.Errorf("counts: %+v", g)
	}
	if !close(g.ProcessorHours, 4*2+2+1) || !close(g.CPUHours, 2) || !close(g.Asked, (8.+1)/3) || !close(g.Used, 2./3) {
		t.Errorf("hours: %+v", g)
	}
	if part, ok := g.Efficiency(); !ok || !close(part, 2./9) {
		t.Errorf("efficiency %v, %v", part, ok)
	}
	if g.Wait != (Spread{1, time.Minute, time.Minute}) || g.Run != (Spread{3, time.Hour, 2 * time.Hour}) {
		t.Errorf("times: %+v", g)
	}
	if g.MemoryAsked != 1000 || g.MemoryUsed != 100 {
		t.Errorf("memory asked and used: %+v", g)
	}
	if g.PeakMemory != 300 || g.MedianMemory != 100 {
		t.Errorf("memory: %+v", g)
	}
	if len(s.Owners) != 2 || s.Owners[0].Owner != "a" || s.Owners[0].Jobs != 2 {
		t.Errorf("owners: %+v", s.Owners)
	}
	if len(s.Steps) != 30 || s.Steps[29].Start != time.Date(2026, 6, 17, 0, 0, 0, 0, time.Local) || s.Steps[29].Jobs != 2 || s.Steps[28].Jobs != 1 {
		t.Errorf("steps: %+v", s.Steps)
	}
	if len(s.Rows) != 3 || s.Rows[0].Owner != "a" || s.Rows[2].Owner != "b" {
		t.Errorf("rows: %+v", s.Rows)
	}
}

// The hours of a long job stand where they were used, and only those that lie
// in the period count.
func TestHoursAreSplit(t *testing.T) {
	running := job("r", 0, 6, 3, func(j *snapshot.Job) { j.State, j.Finished, j.Took = layout.Running, time.Time{}, -1 })
	s := Of(snap(job("a", 6, 24*10, 2), running), Query{Period: Week, Step: Daily}, noon)
	if n := len(s.Steps); n != 7 {
		t.Fatalf("%d steps", n)
	}
	for i, want := range []float64{48, 48, 48, 48, 48, 48, 12 + 18} {
		if got := s.Steps[i].ProcessorHours; !close(got, want) {
			t.Errorf("step %d: %v hours, want %v", i, got, want)
		}
	}
	if s.Total.Jobs != 1 || !close(s.Total.ProcessorHours, 6*48+30) {
		t.Errorf("total: %+v", s.Total)
	}
	line := s.Timeline
	if line.Span != time.Hour || len(line.Series) != 2 || line.Series[0].Owner != "a" {
		t.Fatalf("timeline: %+v", line)
	}
	if a, r := line.Series[0].Busy, line.Series[1].Busy; len(a) != 6*24+12 || a[0] != 2 || a[6*24+5] != 2 || a[6*24+6] != 0 || r[6*24+6] != 3 || r[6*24+5] != 0 {
		t.Errorf("timeline: %v\n%v", a, r)
	}
}

func TestAll(t *testing.T) {
	s := Of(snap(job("a", 24*365*3, 1, 1), job("a", 1, 1, 1), job("a", 24*365*40, 1, 1)), Query{}, noon)
	if len(s.Steps) != 37 || s.Steps[0].Jobs != 1 || s.Steps[36].Jobs != 1 || s.Total.Jobs != 2 {
		t.Errorf("%d steps: %+v", len(s.Steps), s.Total)
	}
	if n := len(s.Timeline.Series[0].Busy); n < 100 || n > maxBuckets {
		t.Errorf("%d buckets", n)
	}
	empty := Of(snap(), Query{Step: Daily}, noon)
	if len(empty.Steps) != 1 || empty.Total.Jobs != 0 || len(empty.Timeline.Series) != 0 {
		t.Errorf("of nothing: %+v", empty)
	}
}

func TestOneOwner(t *testing.T) {
	s := Of(snap(job("a", 1, 1, 1), job("b", 1, 1, 1)), Query{Period: Week, Owner: "b"}, noon)
	if s.Total.Jobs != 1 || len(s.Owners) != 1 || s.Owners[0].Owner != "b" || len(s.Timeline.Series) != 1 {
		t.Errorf("got %+v", s)
	}
}

// Whatever the records claim, the result is bounded.
func TestHostile(t *testing.T) {
	var jobs []*snapshot.Job
	for i := range 2 * maxOwners {
		jobs = append(jobs, job(fmt.Sprint("owner", i), 1, 24*365*40, 1<<20))
	}
	jobs = append(jobs, job("future", -24, 1, 1), job("", 1, 0, 0), job("backward", 1, -5, 1))
	s := Of(snap(jobs...), Query{Step: Daily}, noon)
	if len(s.Timeline.Series) != maxSeries+1 || !s.Timeline.Series[maxSeries].Others {
		t.Errorf("%d series", len(s.Timeline.Series))
	}
	var sum float64
	for _, one := range s.Timeline.Series {
		sum += one.Busy[0]
	}
	if !close(sum/(2*maxOwners*(1<<20)), 11./24) && sum <= 0 {
		t.Errorf("%v processors in all", sum)
	}
}

func TestCSV(t *testing.T) {
	s := Of(snap(job("=cmd()", 1, 2, 4, func(j *snapshot.Job) { j.CPUSeconds, j.PeakMemory, j.Memory = 5400, 1000, 4000 }), job(`b,"x"`, 1, 1, 1)), Query{Period: Week, Step: Daily}, noon)
	var out strings.Builder
	if err := s.WriteCSV(&out); err != nil {
		t.Fatal(err)
	}
	want := "day,owner,jobs,succeeded,failed,stopped,timed_out,interrupted,rejected,unknown,processor_hours,cpu_hours,wait_median,wait_p90,run_median,run_p90,processors_asked,processors_used,peak_memory,median_memory,memory_asked,memory_used\r\n" +
		"2026-06-17,'=cmd(),1,1,0,0,0,0,0,0,8,1.5,,,7200,7200,4,0.75,1000,1000,4000,1000\r\n" +
		"2026-06-17,\"b,\"\"x\"\"\",1,1,0,0,0,0,0,0,1,,,,3600,3600,,,,,,\r\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestWords(t *testing.T) {
	for _, p := range Periods {
		if got, ok := ParsePeriod(p.Period.String()); !ok || got != p.Period {
			t.Errorf("%v: %v, %v", p, got, ok)
		}
	}
	for _, st := range []Step{Daily, Monthly} {
		if got, ok := ParseStep(st.String()); !ok || got != st {
			t.Errorf("%v: %v, %v", st, got, ok)
		}
	}
	if _, ok := ParsePeriod("8d"); ok {
		t.Error("8d is no period")
	}
	if _, ok := ParseStep("week"); ok {
		t.Error("week is no step")
	}
}
