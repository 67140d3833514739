package snapshot

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"qm/pkg/jobinfo"
	"qm/pkg/layout"
)

// What is packed comes out again as it was.
func TestPacked(t *testing.T) {
	now := time.Now().Round(0)
	full := Job{
		Name: "a\xff", State: layout.Running, Outcome: layout.TimedOut, Owner: "o", Info: "i", Script: "sc", Size: "si", Reason: "r",
		NbProc: 3, Asked: 4, Priority: -1 << 40, Submitted: now, Started: now.Add(1), Finished: now.Add(2), Changed: now.Add(3),
		Took: 5, ExitCode: new(-1), Signal: new(9), CPUSeconds: 1.5, PeakMemory: 1 << 50,
		Progress: &jobinfo.Progress{Done: 1, Total: 2, Percent: 50}, LastLine: "l", Private: true, Unread: true,
	}
	queued := Job{Name: "b", State: layout.Queued, Took: -1, CPUSeconds: -1, Reason: "waits", Position: 7, Arriving: true, Submitted: now}
	same := make(owners)
	for _, j := range []Job{full, queued, {Name: "c", State: layout.Done}} {
		p := pack(&j, same)
		if got := p.job(); !reflect.DeepEqual(got, &j) {
			t.Errorf("got  %+v\nwant %+v", got, &j)
		}
		if !p.same(pack(&j, same)) {
			t.Errorf("%s: not the same as itself", j.Name)
		}
		j.LastLine, j.Reason = "other", "other"
		if p.same(pack(&j, same)) {
			t.Errorf("%s: the same as another", j.Name)
		}
	}
}

// However jobs come and go, the list is sorted and holds those that are there.
func TestOrdered(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	there := make(map[*packed]bool)
	var o ordered
	for round := range 200 {
		for range random.IntN(10) {
			p := pack(&Job{Name: fmt.Sprint(random.IntN(50)), State: layout.Done, Finished: time.Unix(0, 1+random.Int64N(5))}, make(owners))
			o.add(p)
			there[p] = true
		}
		for p := range there {
			if random.IntN(4) == 0 {
				o.remove(p)
				delete(there, p)
			}
		}
		jobs, _ := o.list()
		sorted := slices.IsSortedFunc(jobs, func(a, b *packed) int { return cmpJobs(a.key(), b.key()) })
		complete := len(jobs) == len(there) && !slices.ContainsFunc(jobs, func(p *packed) bool { return !there[p] })
		if !sorted || !complete {
			t.Fatalf("round %d: %d jobs, want %d; sorted: %v", round, len(jobs), len(there), sorted)
		}
	}
}

// A heartbeat is no news, all that the page shows is.
func TestVersion(t *testing.T) {
	tree := newTree(t)
	path := tree.job(layout.Running, "r")
	tree.writeJSON(path+"/"+layout.RecordFile, layout.Record{Started: new(time.Now())})
	tree.writeJSON(layout.HeartbeatFile, layout.Heartbeat{PID: 1, Beat: time.Now()})
	beat := func() { tree.writeJSON(layout.HeartbeatFile, layout.Heartbeat{PID: 1, Beat: time.Now()}) }
	store := tree.store()
	last := store.Get().Version
	for _, c := range []struct {
		what   string
		change func()
		news   bool
	}{
		{"nothing", func() {}, false},
		{"a first heartbeat", beat, true}, // it lives, and not only as of then
		{"a heartbeat", beat, false},
		{"slots", func() { tree.writeJSON(layout.HeartbeatFile, layout.Heartbeat{PID: 1, Slots: 1, Beat: time.Now()}) }, true},
		{"a log line", func() { tree.write(path+"/process.log", "1 / 2\n") }, true},
		{"a job", func() { tree.job(layout.Done, "d") }, true},
		{"a file", func() { tree.write("QM_qJobs/x.txt", "") }, true},
		{"a queued job", func() { tree.job(layout.Queued, "q") }, true},
		{"its place", func() {
			tree.writeJSON(layout.QueueFile, layout.Queue{Jobs: []layout.QueueJob{{ID: "q", Position: 1}}})
		}, true},
		{"nothing", func() {}, false},
	} {
		c.change()
		got := store.Get().Version
		if c.news != (got != last) {
			t.Errorf("%s: version %d after %d", c.what, got, last)
		}
		last = got
	}
}

func TestOwnersAndMatching(t *testing.T) {
	var jobs []*Job
	for i := range 6 {
		jobs = append(jobs, &Job{Name: fmt.Sprint("Job", i), State: layout.Done, Owner: fmt.Sprint("o", i%3/2), Info: "Fit of März", Outcome: layout.Outcomes[i%2]})
	}
	jobs = append(jobs, &Job{Name: "q", State: layout.Queued, Owner: "only queued"})
	s := New(time.Now(), jobs...)
	if got := s.Owners(); !slices.Equal(got, []string{"o0", "o1"}) {
		t.Errorf("owners %q", got)
	}
	done := layout.Done
	for _, c := range []struct {
		q    Query
		want int
	}{
		{Query{}, 7}, {Query{State: &done}, 6}, {Query{State: &done, Limit: 2}, 6}, {Query{Owner: "o1"}, 2}, {Query{Outcome: layout.Failed}, 3},
		{Query{Text: "jOB3"}, 1}, {Query{Text: "MÄRZ"}, 6}, {Query{Text: "none"}, 0}, {Query{Owner: "o0", Outcome: layout.Failed}, 2},
	} {
		got, all := s.Matching(c.q), 0
		c.q.Limit = 0
		if list, _, err := s.List(c.q); err == nil {
			all = len(list)
		}
		if got != c.want || all != c.want {
			t.Errorf("%+v: %d match, %d are listed, want %d", c.q, got, all, c.want)
		}
	}
	if new(Snapshot).Owners() != nil {
		t.Error("nothing has owners")
	}
}
