package snapshot

import (
	"slices"
	"testing"
	"time"

	"qm/pkg/layout"
)

// A job that goes on while its page or its link is open is found at once, also
// under the stamp that it got because its name was taken.
func TestMoved(t *testing.T) {
	tree := newTree(t)
	tree.job(layout.Done, "a")
	path := tree.job(layout.Running, "a")
	store := NewStore(tree.path, testNames)
	store.Get()
	const stamped = "a-20261122-131502"
	tree.move(path, "QM_dJobs/"+stamped)
	if j := store.Moved("a"); j == nil || j.Name != stamped {
		t.Errorf("it is %+v", j)
	}
	if j := store.Newest("a"); j == nil || j.Name != "a" {
		t.Errorf("the newest of just this name is %+v", j)
	}
	tree.job(layout.Queued, "b")
	if j := store.Newest("b"); j == nil || j.State != layout.Queued {
		t.Errorf("one that came just now is %+v", j)
	}
	if j := store.Newest("c"); j != nil {
		t.Errorf("one that is not there is %+v", j)
	}
}

// What the listings lack is looked for in the tree itself.
func TestLookInTree(t *testing.T) {
	tree := newTree(t)
	store := tree.store()
	tree.mkdir("QM_lost+found/.hidden")
	tree.write("QM_dJobs/file", "")
	if j := store.Moved(".hidden"); j == nil || j.State != layout.Lost {
		t.Errorf("got %+v", j)
	}
	if j := store.Moved("file"); j != nil {
		t.Errorf("a file is %+v", j)
	}
}

// A cursor goes on behind its job also when that is gone, in any order.
func TestCursorOfGone(t *testing.T) {
	now := time.Now()
	job := func(st layout.State, name string, position int, age time.Duration) *Job {
		return &Job{Name: name, State: st, Position: position, Changed: now.Add(-age)}
	}
	full := []*Job{
		job(layout.Queued, "q1", 1, 1), job(layout.Queued, "q2", 2, 2), job(layout.Queued, "new1", 0, 3), job(layout.Queued, "new2", 0, 4),
		job(layout.Done, "d1", 0, 1), job(layout.Done, "d2", 0, 2), job(layout.Done, "d3", 0, 3),
	}
	for gone, want := range map[string][]string{
		"q1": {"q2", "new1", "new2"}, "new1": {"new2"}, "d1": {"d2", "d3"}, "d3": {},
	} {
		var rest []*Job
		var cursor string
		var state layout.State
		for _, j := range full {
			if j.Name == gone {
				cursor, state = cursorOf(pack(j, make(owners))), j.State
			} else {
				rest = append(rest, j)
			}
		}
		jobs, _, err := New(now, rest...).List(Query{State: &state, After: cursor})
		if err != nil || !slices.Equal(names(jobs), want) {
			t.Errorf("behind %s: %q, %v, want %q", gone, names(jobs), err, want)
		}
	}
}

func TestBadCursors(t *testing.T) {
	for _, after := range []string{"x", "%", "e30", "bnVsbA", "W10", "eyJyIjotMSwibiI6IllRPT0ifQ", "eyJyIjo0LCJuIjoiWVE9PSJ9"} {
		if _, _, err := new(Snapshot).List(Query{After: after}); err == nil {
			t.Errorf("%q is accepted", after)
		}
	}
}
