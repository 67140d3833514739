package schedule

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// jobs makes a queue of jobs a, b, c, ... that ask for so many processors.
func jobs(nbProc ...int) []Job {
	var queue []Job
	for i, n := range nbProc {
		queue = append(queue, Job{Name: string(rune('a' + i)), NbProc: n})
	}
	return queue
}

func starts(queue []Job, m Machine) string {
	var names []string
	for i, d := range Plan(queue, m) {
		if d.Start {
			names = append(names, queue[i].Name)
		}
	}
	return strings.Join(names, " ")
}

func TestPlanStarts(t *testing.T) {
	same := jobs(1, 1)
	same[1].Name = "a"
	held := jobs(1, 1)
	held[0].Wait = "held"
	for _, test := range []struct {
		what  string
		queue []Job
		m     Machine
		want  string
	}{
		{"four of one in four slots", jobs(1, 1, 1, 1, 1), Machine{Slots: 4}, "a b c d"},
		{"two of two in four slots", jobs(2, 2, 2), Machine{Slots: 4}, "a b"},
		{"what runs counts", jobs(1, 1), Machine{Slots: 4, Used: 3}, "a"},
		{"nobody overtakes the first that does not fit", jobs(1, 4, 1), Machine{Slots: 4}, "a"},
		{"more used than there are", jobs(1), Machine{Slots: 2, Used: 5}, ""},
		{"blocking starts one", jobs(1, 1), Machine{Slots: 4, Blocking: true}, "a"},
		{"blocking waits", jobs(1, 1), Machine{Slots: 4, Blocking: true, Used: 1, Jobs: 1}, ""},
		{"blocking, and one that has ended is not moved yet", jobs(1, 1), Machine{Slots: 4, Blocking: true, Names: map[string]bool{"z": true}}, "a"},
		{"two of one name", same, Machine{Slots: 4}, "a"},
		{"the name of one that runs", jobs(1, 1), Machine{Slots: 4, Names: map[string]bool{"a": true}}, "b"},
		{"one that waits for something else is overtaken", held, Machine{Slots: 1}, "b"},
		{"stopped", jobs(1, 1), Machine{Slots: 4, Stop: "paused"}, ""},
	} {
		if got := starts(test.queue, test.m); got != test.want {
			t.Errorf("%s: starts %q, want %q", test.what, got, test.want)
		}
	}
}

func TestPlanReasons(t *testing.T) {
	plan := Plan(jobs(3, 2, 1), Machine{Slots: 4})
	want := []string{"", "needs 2 processors and 1 of 4 are free", "behind a job that needs 2 processors"}
	for i, d := range plan {
		if d.Reason != want[i] {
			t.Errorf("job %d: reason %q, want %q", i, d.Reason, want[i])
		}
	}
}

func TestCompare(t *testing.T) {
	at := time.Now()
	inOrder := []Job{
		{Name: "z", Priority: 5, Arrived: at.Add(time.Hour)},
		{Name: "y", Arrived: at, Changed: 1},
		{Name: "a", Arrived: at, Changed: 2},
		{Name: "b", Arrived: at, Changed: 2},
		{Name: "c", Arrived: at.Add(time.Second)},
		{Name: "a", Priority: -1, Arrived: at},
	}
	for range 20 {
		shuffled := slices.Clone(inOrder)
		rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		slices.SortFunc(shuffled, Compare)
		if !slices.Equal(shuffled, inOrder) {
			t.Fatalf("sorted to %v", shuffled)
		}
	}
}

// TestPlanProperties tries random queues: what starts fits, each that waits
// has a reason, the first that could start does, and order is kept.
func TestPlanProperties(t *testing.T) {
	for range 5000 {
		m := Machine{Slots: 1 + rand.IntN(8), Blocking: rand.IntN(4) == 0}
		if rand.IntN(2) == 0 {
			m.Used = rand.IntN(m.Slots + 1)
			m.Jobs = min(m.Used, 1)
		}
		var queue []Job
		for i := range rand.IntN(12) {
			j := Job{Name: string(rune('a' + i)), NbProc: 1 + rand.IntN(m.Slots)}
			if rand.IntN(5) == 0 {
				j.Wait = "held"
			}
			queue = append(queue, j)
		}
		checkPlan(t, queue, m)
	}
}

func checkPlan(t *testing.T, queue []Job, m Machine) {
	t.Helper()
	used, started := m.Used, m.Jobs
	overtaking := false
	for i, d := range Plan(queue, m) {
		j := queue[i]
		fits := used+j.NbProc <= m.Slots && (!m.Blocking || started == 0)
		switch {
		case d.Start != (d.Reason == ""):
			t.Fatalf("%v: start %v with reason %q", j, d.Start, d.Reason)
		case d.Start && (!fits || overtaking || j.Wait != ""):
			t.Fatalf("%v starts in %+v of %+v", j, queue, m)
		case !d.Start && j.Wait == "" && fits && !overtaking:
			t.Fatalf("%v does not start in %+v of %+v: %s", j, queue, m, d.Reason)
		case d.Start:
			used += j.NbProc
			started++
		case j.Wait == "":
			overtaking = true
		}
	}
}
