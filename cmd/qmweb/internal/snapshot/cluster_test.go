package snapshot

import (
	"slices"
	"testing"
	"time"

	"qm/pkg/layout"
)

// clusterTree is a tree whose server gave two of three jobs to Slurm.
func clusterTree(t *testing.T, beat layout.Heartbeat, q layout.Queue) testTree {
	t.Helper()
	tree := newTree(t)
	for _, name := range []string{"waits", "runs", "here"} {
		tree.job(layout.Running, name)
	}
	tree.writeJSON("QM_Jobs/here/"+layout.RecordFile, layout.Record{Started: new(time.Now().Add(-time.Hour))})
	tree.writeJSON(layout.HeartbeatFile, beat)
	q.Running = append(q.Running,
		layout.RunningJob{ID: "waits", Words: "waiting in Slurm: Resources", Arrived: time.Now().Add(-time.Hour)},
		layout.RunningJob{ID: "runs", Words: "running on node2, Slurm job 4711", Started: time.Now().Add(time.Second)}, // later than the other was given away
		layout.RunningJob{ID: "gone", Words: "running on node1, Slurm job 4710"},
		layout.RunningJob{ID: "../evil", Words: "x"})
	tree.writeJSON(layout.QueueFile, q)
	return tree
}

// TestInSlurm: what Slurm says of a job stands beside it, and one that waits
// there has not begun.
func TestInSlurm(t *testing.T) {
	now := time.Now()
	tree := clusterTree(t, layout.Heartbeat{Beat: now}, layout.Queue{Written: now})
	store := tree.store()
	snap := store.Get()
	if got, want := names(listed(snap, layout.Running)), []string{"here", "runs", "waits"}; !slices.Equal(got, want) {
		t.Errorf("in the order of their start they are %q, want %q", got, want)
	}
	waits, runs, here := snap.Find(layout.Running, "waits"), snap.Find(layout.Running, "runs"), snap.Find(layout.Running, "here")
	if waits.Slurm != "waiting in Slurm: Resources" || !waits.Waits() || !waits.Started.IsZero() || waits.Submitted.IsZero() {
		t.Errorf("waits: %+v", waits)
	}
	if _, took := waits.Elapsed(now); took {
		t.Error("a job that waits in Slurm has run for some time")
	}
	if runs.Slurm != "running on node2, Slurm job 4711" || runs.Waits() || runs.Started.IsZero() || !runs.Silent.IsZero() {
		t.Errorf("runs: %+v", runs)
	}
	if here.Slurm != "" || here.Waits() {
		t.Errorf("here: %+v", here)
	}
	if n := snap.WaitInSlurm(); n != 1 {
		t.Errorf("%d wait in Slurm", n)
	}
	if again := store.Get(); again.Version != snap.Version {
		t.Errorf("version %d became %d though nothing changed", snap.Version, again.Version)
	}
	dir, err := store.OpenJob(layout.Running, "waits")
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if d, err := store.Detail(dir, layout.Running, "waits"); err != nil || d.Slurm != waits.Slurm || !d.Started.IsZero() {
		t.Errorf("its page tells %+v, %v", d.Job, err)
	}
}

// TestSlurmIsSilent: since when counts by the server's clock, which may be an
// hour off ours.
func TestSlurmIsSilent(t *testing.T) {
	beat := time.Now().Add(time.Hour)
	tree := clusterTree(t, layout.Heartbeat{Beat: beat}, layout.Queue{Written: beat, Silent: beat.Add(-3 * time.Minute)})
	snap := tree.store().Get()
	for what, since := range map[string]time.Time{"the server": snap.Server.Silent, "a job": snap.Find(layout.Running, "runs").Silent} {
		if age := time.Since(since); age < 3*time.Minute || age > 4*time.Minute {
			t.Errorf("%s: silent for %v", what, age)
		}
	}
	if here := snap.Find(layout.Running, "here"); !here.Silent.IsZero() {
		t.Errorf("a job that Slurm has not got is silent since %v", here.Silent)
	}
}

// TestSlurmWithoutServer: what a dead server knew is told as that.
func TestSlurmWithoutServer(t *testing.T) {
	now := time.Now()
	tree := clusterTree(t, layout.Heartbeat{Beat: now, Stopped: true}, layout.Queue{Written: now, Silent: now.Add(-time.Hour)})
	j := tree.store().Get().Find(layout.Running, "waits")
	if j.Slurm != "last known: waiting in Slurm: Resources" || !j.Silent.IsZero() || !j.Waits() {
		t.Errorf("got %+v", j)
	}
}

// TestPagesOfSlurm: a page at a time, each job comes once.
func TestPagesOfSlurm(t *testing.T) {
	now := time.Now()
	snap := clusterTree(t, layout.Heartbeat{Beat: now}, layout.Queue{Written: now}).store().Get()
	var got []string
	for q := (Query{Limit: 1}); ; {
		jobs, next, err := snap.List(q)
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, names(jobs)...); next == "" {
			break
		}
		q.After = next
	}
	if want := []string{"here", "runs", "waits"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestSlurmStaysSilent: it is silent as long as the queue file says so, also where
// that is not read again.
func TestSlurmStaysSilent(t *testing.T) {
	now := time.Now()
	tree := clusterTree(t, layout.Heartbeat{Beat: now}, layout.Queue{Written: now, Silent: now.Add(-time.Minute)})
	s := newScanner(tree.path, testNames)
	for _, later := range []time.Duration{0, 5 * time.Second, 8 * time.Second} {
		if snap := s.scan(now.Add(later)); snap.Server.Silent.IsZero() {
			t.Errorf("after %v it is not silent", later)
		}
	}
}
