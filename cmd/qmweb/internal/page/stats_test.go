package page

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"qm/cmd/qmweb/internal/snapshot"
	"qm/cmd/qmweb/internal/stats"
	"qm/pkg/layout"
)

// ended is a job that ended so long ago, after an hour on some processors.
func ended(owner string, o layout.Outcome, procs int, ago time.Duration) *snapshot.Job {
	end := time.Now().Add(-ago)
	return &snapshot.Job{
		Name: fmt.Sprint(owner, ago), State: layout.Done, Owner: owner, Outcome: o, NbProc: procs, Took: time.Hour, CPUSeconds: 1800 * float64(procs),
		Submitted: end.Add(-2 * time.Hour), Started: end.Add(-time.Hour), Finished: end, Changed: end,
	}
}

// The page of statistics says in words and numbers what its charts draw.
func TestStatsPage(t *testing.T) {
	snap := snapshot.New(time.Now(),
		ended("anna", layout.Succeeded, 4, 25*time.Hour), ended("anna", layout.Failed, 4, 30*time.Hour), ended("ben", layout.Stopped, 2, 200*time.Hour))
	s := &site{}
	p := s.statsPage(stats.Of(snap, stats.Query{Period: stats.Month, Step: stats.Daily}, time.Now()))
	if got := fmt.Sprint(p.Totals); got != "[{Jobs ended 3 33 % succeeded} {Processor hours 10 } {Kept busy 50 % of the processors given} {Wait, median 1 h 90 % below 1 h} {Run, median 1 h 90 % below 1 h}]" {
		t.Errorf("the totals are %s", got)
	}
	if len(p.Owners) != 2 || p.Owners[0].Name != "anna" || p.Owners[0].Hours != "8.0" || p.Owners[0].Share != 100 || p.Owners[1].Share != 25 || p.Owners[0].Efficiency != "50 %" {
		t.Errorf("the owners are %+v", p.Owners)
	}
	if n := len(p.Outcomes.Columns); n != 30 {
		t.Errorf("there are %d columns", n)
	}
	if want := "In all 1 succeeded, 1 failed or timed out, 1 were stopped"; !strings.HasPrefix(p.Outcomes.Desc, want) {
		t.Errorf("the chart is described as %q", p.Outcomes.Desc)
	}
	if len(p.Timeline) != 3 || !p.Timeline[0].All || p.Timeline[1].Name != "anna" {
		t.Errorf("the timeline is %+v", p.Timeline)
	}
	if !strings.Contains(p.CSV, "period=30d") || p.Empty {
		t.Errorf("the CSV is at %q", p.CSV)
	}
	if empty := s.statsPage(stats.Of(snapshot.New(time.Now()), stats.Query{}, time.Now())); !empty.Empty || empty.Outcomes != nil {
		t.Error("where nothing is to count there are charts")
	}
}

func TestStatsRoutes(t *testing.T) {
	s := newSite(t)
	s.job("QM_dJobs", "a")
	s.wants(s.get("/stats?period=all", 200), `data-live="10"`, `http-equiv="refresh" content="20"`, "Jobs that ended, per month", "January 2026", `href="/stats.csv?by=month&amp;period=all"`)
	s.wants(s.get("/stats?owner=nobody", 200), "Nothing to count")
	s.wants(s.get("/stats.csv?period=all&by=day", 200), "day,owner,jobs,", "2026-01-02,a@example.org,1,")
	s.get("/stats?period=rubbish", 400)
	if h := s.do("GET", "/stats.csv").Header(); !strings.HasPrefix(h.Get("Content-Type"), "text/csv") || !strings.Contains(h.Get("Content-Disposition"), "qm-30d-by-day.csv") {
		t.Errorf("the CSV comes with %v", h)
	}
}

func TestCharts(t *testing.T) {
	for v, want := range map[float64]float64{0: 1, .3: .4, 1: 1, 3: 4, 5: 6, 9: 10, 11: 20, 25: 30, 101: 200, 1e300: 1e300} {
		if got := niceTop(v); got < want*.999 || got > want*1.001 {
			t.Errorf("an axis for %g ends at %g, want %g", v, got, want)
		}
	}
	if got := stepPath([]float64{0, 1, 1, 2, 0, .001}, 2); got != "M0 100H1V50H3V0H4V100H5V99H6V100Z" {
		t.Errorf("the path is %s", got)
	}
	for top, want := range map[float64]string{0: "at most 0", .01: "below 0.1", .96: "at most 1", 2.54: "at most 2.5"} {
		if got := mostText([]float64{0, top}); got != want {
			t.Errorf("a peak of %g is told as %q, want %q", top, got, want)
		}
	}
	if got := fmt.Sprint(stack(4, []float64{1, 0, 3}, []string{"a", "b", "c"})); got != "[{75 25 a} {0 75 c}]" {
		t.Errorf("the stack is %s", got)
	}
	text := func(n int) func(int) (float64, string) {
		return func(i int) (float64, string) { return (float64(i) + .5) / float64(n), fmt.Sprint(i) }
	}
	for n, want := range map[int]string{0: "[]", 1: "[{50 0 mid}]", 2: "[{0 0 begin} {100 1 end}]", 31: "[{0 0 begin} {33.87 10 mid} {66.13 20 mid} {100 30 end}]"} {
		if got := fmt.Sprint(ticksOf(n, text(n))); got != want {
			t.Errorf("below %d columns stands %s, want %s", n, got, want)
		}
	}
}

// The tab tells how many jobs run, and whether one failed lately.
func TestTitleAndIcon(t *testing.T) {
	running := &snapshot.Job{Name: "r", State: layout.Running, Started: time.Now(), Took: -1}
	lost := &snapshot.Job{Name: "l", State: layout.Lost, Outcome: layout.Rejected, Finished: time.Now()}
	for _, c := range []struct {
		jobs        []*snapshot.Job
		alive       bool
		title, icon string
	}{
		{nil, true, "nothing runs", "idle"},
		{nil, false, "server not running", "off"},
		{[]*snapshot.Job{running}, true, "1 running", "1"},
		{[]*snapshot.Job{ended("a", layout.Succeeded, 1, time.Minute), ended("b", layout.Failed, 1, 2*time.Hour)}, true, "nothing runs", "idle"},
		{[]*snapshot.Job{running, ended("a", layout.Failed, 1, time.Minute), ended("b", layout.TimedOut, 1, time.Minute), lost}, true, "1 running, 2 failed, 1 lost", "1-bad"},
	} {
		snap := snapshot.New(time.Now(), c.jobs...)
		snap.Server.Alive = c.alive
		bad := recentlyBad(snap, time.Now())
		if got := title(snap, bad); got != c.title {
			t.Errorf("the title is %q, want %q", got, c.title)
		}
		if got := iconOf(snap, bad); got != c.icon {
			t.Errorf("the icon is %q, want %q", got, c.icon)
		}
	}
}

// What the badge says is not said again.
func TestArriving(t *testing.T) {
	s := &site{}
	for reason, want := range map[string]string{"arriving": "", "arriving: 3 files, 1 KiB": "3 files, 1 KiB", "an empty folder": "an empty folder"} {
		j := &snapshot.Job{Name: "a", State: layout.Queued, Arriving: true, Reason: reason, Took: -1}
		if v := s.viewJob(j, clock{now: time.Now()}); v.Reason != want || v.Badge.Word != "arriving" {
			t.Errorf("%q is shown as %q after %q", reason, v.Reason, v.Badge.Word)
		}
	}
}

// A page is made once for all who ask in the same second.
func TestShelf(t *testing.T) {
	var s shelf
	made := 0
	get := func(key string, version uint64, second int64) {
		now := time.Unix(second, 0)
		_, _ = s.get(view{what: key}, version, now, func() (*body, time.Time, error) { made++; return nil, clock{now: now}.until(), nil })
	}
	for _, c := range []struct {
		key     string
		version uint64
		second  int64
		want    int
	}{{"", 1, 1, 1}, {"", 1, 1, 1}, {"q", 1, 1, 2}, {"", 1, 1, 2}, {"", 2, 1, 3}, {"", 2, 2, 4}} {
		if get(c.key, c.version, c.second); made != c.want {
			t.Errorf("%+v: made %d times", c, made)
		}
	}
	for i := range 3 * maxShelved {
		get(fmt.Sprint(i), 2, 2)
	}
	if len(s.kept) > maxShelved {
		t.Errorf("%d pages are kept", len(s.kept))
	}
	made = 0
	if get(fmt.Sprint(3*maxShelved-1), 2, 2); made > 0 {
		t.Error("of the pages kept the newest was dropped")
	}
}
