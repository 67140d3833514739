package schedule

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// asker is a job of these tests.
type asker struct{ Job }

func (a *asker) Asks() *Job { return &a.Job }

// jobs makes jobs a, b, c, ... that ask for so many processors, in this order.
func jobs(nbProc ...int) []*asker {
	var all []*asker
	for i, n := range nbProc {
		all = append(all, &asker{Job{Name: string(rune('a' + i)), NbProc: n, Arrived: int64(i)}})
	}
	return all
}

func queueOf(jobs []*asker) *Queue[*asker] {
	q := &Queue[*asker]{}
	for _, j := range jobs {
		q.Add(j)
	}
	return q
}

func starts(q *Queue[*asker], m Machine) string {
	var names []string
	for _, d := range q.Plan(m, 0) {
		if d.Start {
			names = append(names, d.Job.Name)
		}
	}
	return strings.Join(names, " ")
}

func TestPlanStarts(t *testing.T) {
	same := jobs(1, 1)
	same[1].Name = "a"
	held := jobs(1, 1)
	held[0].Wait = "held"
	soon := jobs(1, 1, 1)
	soon[1].Wait, soon[1].First = "being looked at", true
	for _, test := range []struct {
		what  string
		queue []*asker
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
		{"one that is about to start is not", soon, Machine{Slots: 4}, "a"},
		{"as many as Slurm may have", jobs(64, 1, 1), Machine{Slots: 4, Used: 9, Most: 3, Jobs: 1}, "a b"},
		{"Slurm has enough", jobs(1), Machine{Slots: 4, Most: 2, Jobs: 2}, ""},
		{"one name under Slurm", same, Machine{Most: 9}, "a"},
		{"stopped", jobs(1, 1), Machine{Slots: 4, Stop: "paused"}, ""},
	} {
		if got := starts(queueOf(test.queue), test.m); got != test.want {
			t.Errorf("%s: starts %q, want %q", test.what, got, test.want)
		}
	}
}

func TestPlanReasons(t *testing.T) {
	plan := queueOf(jobs(3, 2, 1)).Plan(Machine{Slots: 4}, 10)
	want := []string{"", "needs 2 processors and 1 of 4 are free", "behind a job that needs 2 processors"}
	for i, d := range plan {
		if d.Reason != want[i] {
			t.Errorf("job %d: reason %q, want %q", i, d.Reason, want[i])
		}
	}
}

// TestPlanForSlurm: what a job asks for is Slurm's matter, its turn is ours.
func TestPlanForSlurm(t *testing.T) {
	all := jobs(64, 1, 1)
	all[0].NbGPU, all[0].Memory = 8, 1<<40
	all[2].Priority = 1
	plan := queueOf(all).Plan(Machine{Slots: 2, Memory: 1 << 30, Most: 2}, 10)
	want := []Decision[*asker]{{all[2], true, ""}, {all[0], true, ""}, {all[1], false, "2 jobs are with Slurm (slurm_max_in_flight)"}}
	if !slices.Equal(plan, want) {
		t.Errorf("got %+v, want %+v", plan, want)
	}
	if got := queueOf(jobs(1)).Plan(Machine{Most: 1, Jobs: 1}, 1)[0].Reason; got != "1 job is with Slurm (slurm_max_in_flight)" {
		t.Errorf("reason %q", got)
	}
}

// TestPlanGPUs: waiting for a GPU holds back only those that need one, in their
// order; a job that needs more memory than is free holds back all.
func TestPlanGPUs(t *testing.T) {
	all := jobs(1, 1, 1, 1)
	all[0].NbGPU, all[1].NbGPU, all[2].NbGPU = 1, 2, 1
	m := Machine{Slots: 8, GPUs: 2}
	if got := starts(queueOf(all), m); got != "a d" {
		t.Errorf("starts %q", got)
	}
	plan := queueOf(all).Plan(m, 10)
	for i, want := range []string{"", "needs 2 GPUs and 1 of 2 are free", "behind a job that needs a GPU", ""} {
		if plan[i].Reason != want {
			t.Errorf("job %d: reason %q, want %q", i, plan[i].Reason, want)
		}
	}
	all = jobs(1, 1, 1)
	all[0].Memory, all[1].Memory = 3<<30, 2<<30
	m = Machine{Slots: 8, Memory: 4 << 30}
	if got := starts(queueOf(all), m); got != "a" {
		t.Errorf("starts %q", got)
	}
	if got := queueOf(all).Plan(m, 10)[1].Reason; got != "needs 2.0 GiB of memory and 1.0 GiB of 4.0 GiB are free" {
		t.Errorf("reason %q", got)
	}
}

// TestPlanFair: within a priority the owner who has least goes first, and the
// order that is shown is the one in which they would start.
func TestPlanFair(t *testing.T) {
	q := &Queue[*asker]{Fair: true}
	for i, name := range strings.Fields("a1 a2 a3 b1 b2 c1") {
		j := &asker{Job{Name: name, Owner: name[:1], NbProc: 1, Arrived: int64(i)}}
		if name == "b2" {
			j.Priority = 1
		}
		q.Add(j)
	}
	var order []string
	for _, d := range q.Plan(Machine{Slots: 4, Used: 4, Busy: map[string]int{"a": 3, "c": 1}}, 10) {
		order = append(order, d.Job.Name)
	}
	if got := strings.Join(order, " "); got != "b2 b1 c1 a1 a2 a3" {
		t.Errorf("order %s", got)
	}
	if got := starts(q, Machine{Slots: 3, Busy: map[string]int{"a": 3, "c": 1}}); got != "b2 b1 c1" {
		t.Errorf("starts %s", got)
	}
}

// TestQueueKeepsItsOrder adds and removes at random and compares with a slice
// that is sorted anew.
func TestQueueKeepsItsOrder(t *testing.T) {
	for _, fair := range []bool{false, true} {
		q, all := &Queue[*asker]{Fair: fair}, []*asker(nil)
		for range 3000 {
			if len(all) > 0 && rand.IntN(5) < 2 {
				i := rand.IntN(len(all))
				if !q.Remove(all[i]) || q.Remove(all[i]) {
					t.Fatal("a job is not in the queue, or twice")
				}
				all = slices.Delete(all, i, i+1)
				continue
			}
			j := &asker{Job{Name: string(rune('a' + rand.IntN(26))), Priority: rand.IntN(3), Arrived: int64(rand.IntN(50)), Changed: int64(rand.IntN(3)), Owner: string(rune('x' + rand.IntN(3)))}}
			q.Add(j)
			all = append(all, j)
		}
		if fair {
			checkLanes(t, q, len(all))
			continue
		}
		slices.SortStableFunc(all, func(a, b *asker) int {
			return cmp.Or(cmp.Compare(b.Priority, a.Priority), Compare(&a.Job, &b.Job))
		})
		plan := q.Plan(Machine{Slots: 1, Stop: "stopped"}, len(all))
		if len(plan) != len(all) || q.Len() != len(all) {
			t.Fatalf("%d planned, %d in the queue, %d added", len(plan), q.Len(), len(all))
		}
		for i, d := range plan {
			if d.Job.Priority != all[i].Priority || Compare(&d.Job.Job, &all[i].Job) != 0 {
				t.Fatalf("at %d stands %+v, not %+v", i, d.Job, all[i])
			}
		}
	}
}

// TestQueueMovesOn: jobs leave at the front, after they were put back there once,
// and others come at the end. It stays in order, and as small as it is.
func TestQueueMovesOn(t *testing.T) {
	q, all := &Queue[*asker]{}, []*asker(nil)
	add := func() {
		j := &asker{Job{Arrived: int64(len(all))}}
		q.Add(j)
		all = append(all, j)
	}
	for range 10 {
		add()
	}
	for first := range 1000 {
		for range 2 {
			j := all[first+rand.IntN(4)]
			if !q.Remove(j) {
				t.Fatalf("%d is not in the queue", j.Arrived)
			}
			q.Add(j)
		}
		if !q.Remove(all[first]) {
			t.Fatalf("%d is not in the queue", first)
		}
		add()
		if got := q.lanes[0].jobs(); !slices.Equal(got, all[first+1:]) {
			t.Fatalf("after %d there are %v", first, got)
		}
	}
	if n := cap(q.lanes[0].array); n > 50 {
		t.Errorf("room for %d jobs is kept for 10", n)
	}
}

func checkLanes(t *testing.T, q *Queue[*asker], want int) {
	t.Helper()
	n := 0
	for _, l := range q.lanes {
		n += len(l.jobs())
		if len(l.jobs()) == 0 || !slices.IsSortedFunc(l.jobs(), func(a, b *asker) int { return Compare(&a.Job, &b.Job) }) {
			t.Errorf("a lane is empty or not in order: %v", l.jobs())
		}
	}
	if n != want || q.Len() != want {
		t.Errorf("%d jobs in lanes, %d counted, want %d", n, q.Len(), want)
	}
}

// TestPlanProperties tries random queues: what starts fits, each that waits
// has a reason, no slot is left free that the rules let use, order is kept, and
// a short plan begins as a long one.
func TestPlanProperties(t *testing.T) {
	for range 5000 {
		m := Machine{Slots: 1 + rand.IntN(8), GPUs: 2, Memory: int64(rand.IntN(6)), Blocking: rand.IntN(4) == 0, Busy: map[string]int{"x": rand.IntN(3)}}
		if rand.IntN(2) == 0 {
			m.Used = rand.IntN(m.Slots + 1)
			m.Jobs = min(m.Used, 1)
		}
		q := &Queue[*asker]{Fair: rand.IntN(2) == 0}
		for i := range rand.IntN(12) {
			j := &asker{Job{Name: string(rune('a' + i)), NbProc: 1 + rand.IntN(m.Slots), NbGPU: max(0, rand.IntN(4)-2), Memory: int64(rand.IntN(3)), Arrived: int64(i), Priority: rand.IntN(2), Owner: string(rune('x' + rand.IntN(3)))}}
			if rand.IntN(5) == 0 {
				j.Wait, j.First = "held", rand.IntN(3) == 0
			}
			q.Add(j)
		}
		plan := q.Plan(m, 100)
		checkPlan(t, plan, m)
		if len(plan) != q.Len() {
			t.Fatalf("%d of %d jobs planned", len(plan), q.Len())
		}
		short := q.Plan(m, 3)
		for i, d := range short[:min(3, len(short))] {
			if d != plan[i] {
				t.Fatalf("a short plan says %+v, a long one %+v", d, plan[i])
			}
		}
		if starts(q, m) != startsOf(plan) {
			t.Fatalf("a short plan starts %q, a long one %q", starts(q, m), startsOf(plan))
		}
	}
}

func startsOf(plan []Decision[*asker]) string {
	var names []string
	for _, d := range plan {
		if d.Start {
			names = append(names, d.Job.Name)
		}
	}
	return strings.Join(names, " ")
}

func checkPlan(t *testing.T, plan []Decision[*asker], m Machine) {
	t.Helper()
	used, started, gpus, memory := m.Used, m.Jobs, m.GPUsUsed, m.Reserved
	closed, noGPUs := false, false
	for i, d := range plan {
		j := d.Job
		gpu := j.NbGPU == 0 || gpus+j.NbGPU <= m.GPUs && !noGPUs
		fits := used+j.NbProc <= m.Slots && (m.Memory == 0 || memory+j.Memory <= m.Memory) && (!m.Blocking || started == 0) && gpu
		switch {
		case i > 0 && plan[i-1].Job.Priority < j.Priority:
			t.Fatalf("%v stands behind %v", j, plan[i-1].Job)
		case d.Start != (d.Reason == ""):
			t.Fatalf("%v: start %v with reason %q", j, d.Start, d.Reason)
		case d.Start && (!fits || closed || j.Wait != ""):
			t.Fatalf("%v starts in %+v of %+v", j, plan, m)
		case !d.Start && j.Wait == "" && fits && !closed:
			t.Fatalf("%v does not start in %+v of %+v: %s", j, plan, m, d.Reason)
		case d.Start:
			used += j.NbProc
			gpus += j.NbGPU
			memory += j.Memory
			started++
		case j.Wait == "" && !closed && !gpu && (!m.Blocking || started == 0):
			noGPUs = true
		case j.Wait == "" || j.First:
			closed = true
		}
	}
}

// TestNobodyStarves: among equal priorities each job starts in the end, however
// many small ones come after it, and in a fair order however many come from
// others.
func TestNobodyStarves(t *testing.T) {
	for _, fair := range []bool{false, true} {
		q := &Queue[*asker]{Fair: fair}
		old := &asker{Job{Name: "old", NbProc: 4, Owner: "x"}}
		q.Add(old)
		running := []*asker{}
		for turn := int64(1); q.Remove(old); turn++ {
			q.Add(old)
			if turn > 100 {
				t.Fatal("it does not start")
			}
			for i := range int64(3) {
				q.Add(&asker{Job{Name: fmt.Sprint(turn, i), NbProc: 1, Owner: string(rune('x' + rand.IntN(3))), Arrived: turn*10 + i}})
			}
			m := Machine{Slots: 4, Busy: map[string]int{}}
			for _, j := range running {
				m.Used += j.NbProc
				m.Busy[j.Owner] += j.NbProc
			}
			for _, d := range q.Plan(m, 0) {
				if d.Start {
					q.Remove(d.Job)
					running = append(running, d.Job)
				}
			}
			running = running[min(1, len(running)):] // one ends
		}
	}
}
