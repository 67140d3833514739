package snapshot

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"qm/pkg/layout"
)

var testNames = []string{"proc_config.cfg"}

// testTree is a tree to be filled by a test.
type testTree struct {
	t    *testing.T
	path string
}

func newTree(t *testing.T) testTree {
	t.Helper()
	tree := testTree{t, filepath.Join(t.TempDir(), "QM")}
	for _, st := range layout.States {
		tree.mkdir(st.Folder())
	}
	tree.mkdir(layout.Own)
	return tree
}

func (tree testTree) mkdir(path string) {
	tree.t.Helper()
	if err := os.MkdirAll(filepath.Join(tree.path, path), 0o755); err != nil {
		tree.t.Fatal(err)
	}
}

func (tree testTree) write(path, content string) {
	tree.t.Helper()
	tree.mkdir(filepath.Dir(path))
	if err := os.WriteFile(filepath.Join(tree.path, path), []byte(content), 0o644); err != nil {
		tree.t.Fatal(err)
	}
}

func (tree testTree) writeJSON(path string, v any) {
	tree.t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		tree.t.Fatal(err)
	}
	tree.write(path, string(data))
}

// job puts a job there and returns its path in the tree.
func (tree testTree) job(st layout.State, name string) string {
	tree.t.Helper()
	path := st.Folder() + "/" + name
	tree.write(path+"/proc_config.cfg", "[QMOptions]\nscript : sh run.sh\nnb_proc : 2\ne_mail : a@example.org\ninfo : about "+name+"\n")
	return path
}

func (tree testTree) move(from, to string) {
	tree.t.Helper()
	if err := os.Rename(filepath.Join(tree.path, from), filepath.Join(tree.path, to)); err != nil {
		tree.t.Fatal(err)
	}
}

// store returns a store that never serves an old snapshot.
func (tree testTree) store() *Store {
	s := NewStore(tree.path, testNames)
	s.maxAge = 0
	return s
}

// listed are the jobs of a state.
func listed(s *Snapshot, st layout.State) []*Job {
	jobs, _, err := s.List(Query{State: &st})
	if err != nil {
		panic(err) // there is no cursor that could be wrong
	}
	return jobs
}

func names(jobs []*Job) []string {
	out := []string{}
	for _, j := range jobs {
		out = append(out, j.Name)
	}
	return out
}

func TestDoneFromRecord(t *testing.T) {
	tree := newTree(t)
	path := tree.job(layout.Done, "a")
	started := time.Now().Add(-time.Hour).Round(time.Second)
	tree.writeJSON(path+"/"+layout.RecordFile, layout.Record{
		Owner: new("b@example.org"), Started: &started, Finished: new(started.Add(90 * time.Second)),
		Outcome: new(layout.Failed), ExitCode: new(3), Reason: new("exit code 3"), NbProc: new(4),
	})
	j := tree.store().Get().Find(layout.Done, "a")
	if j == nil {
		t.Fatal("the job is not there")
	}
	if j.Outcome != layout.Failed || *j.ExitCode != 3 || j.Took != 90*time.Second || j.Owner != "b@example.org" || j.NbProc != 4 || j.Info != "about a" {
		t.Errorf("got %+v", j)
	}
}

// A folder that the Python QM left has no record.
func TestDoneFromLog(t *testing.T) {
	for _, c := range []struct {
		log     string
		outcome layout.Outcome
		took    time.Duration
	}{
		{"Job started by QM at: 2014-05-12 10:11:12\nx\nJob finished at: 2014-05-12 10:12:12 with code 0\n", layout.Succeeded, time.Minute},
		{"Job started by QM at: 2026-01-02T03:04:05Z\nJob finished at: 2026-01-02T03:04:06Z killed by signal 9 (SIGKILL)\n", layout.Failed, time.Second},
		{"Job started by QM at: 2026-01-02T03:04:05+24:00\nJob finished at: 2026-01-02T03:04:06+24:00 with code 0\n", layout.Succeeded, time.Second},
		{"Job started by QM at: Mon May 12 10:11:12 2014\nJob finished at: Mon May 12 10:12:12 2014\n", "", time.Minute},
		{"time: 12\n", "", 12 * time.Second},
		{"no such line\n", "", -1},
		{"", "", -1},
	} {
		tree := newTree(t)
		tree.write(tree.job(layout.Done, "a")+"/process.log", c.log)
		j := listed(tree.store().Get(), layout.Done)[0]
		if j.Outcome != c.outcome || j.Took != c.took {
			t.Errorf("log %q: outcome %q, took %v; want %q, %v", c.log, j.Outcome, j.Took, c.outcome, c.took)
		}
		if _, err := json.Marshal([]time.Time{j.Started, j.Finished}); err != nil {
			t.Errorf("log %q: %v", c.log, err)
		}
	}
}

// What a record claims is shown only as far as it can be.
func TestForgedRecord(t *testing.T) {
	tree := newTree(t)
	for name, record := range map[string]string{
		"future":   `{"started":"2099-01-01T00:00:00Z","finished":"2099-01-02T00:00:00Z","outcome":"succeeded"}`,
		"backward": `{"started":"2026-01-02T00:00:00Z","finished":"2026-01-01T00:00:00Z","outcome":"glorious","nb_proc":-7}`,
		"torn":     `{"started":"2026-01-0`,
		"array":    `[1,2,3]`,
	} {
		tree.write(tree.job(layout.Done, name)+"/"+layout.RecordFile, record)
	}
	snap := tree.store().Get()
	if snap.Count(layout.Done) != 4 {
		t.Fatalf("got %q", names(listed(snap, layout.Done)))
	}
	for _, j := range listed(snap, layout.Done) {
		if j.Took >= 0 || j.Finished.After(time.Now()) || j.NbProc != 2 || j.Outcome == "glorious" {
			t.Errorf("%s: got %+v", j.Name, j)
		}
	}
}

// Of a folder without an info file nobody knows what it asks for.
func TestNoInfoFile(t *testing.T) {
	tree := newTree(t)
	tree.mkdir("QM_qJobs/a")
	if j := listed(tree.store().Get(), layout.Queued)[0]; j.NbProc != 0 {
		t.Errorf("it asks for %d processors", j.NbProc)
	}
}

func TestRunning(t *testing.T) {
	tree := newTree(t)
	path := tree.job(layout.Running, "r")
	tree.writeJSON(path+"/"+layout.RecordFile, layout.Record{Started: new(time.Now().Add(-time.Minute))})
	tree.write(path+"/process.log", "processing 1 / 4\n")
	store := tree.store()
	j := listed(store.Get(), layout.Running)[0]
	if j.Progress == nil || j.Progress.Done != 1 || j.Progress.Total != 4 || j.LastLine != "processing 1 / 4" {
		t.Fatalf("got %+v", j)
	}
	if left, ok := j.Remaining(j.Started.Add(time.Minute)); !ok || left.Round(time.Second) != 3*time.Minute {
		t.Errorf("remaining %v, %v", left, ok)
	}
	tree.write(path+"/process.log", "processing 1 / 4\nprocessing 22 / 44\n")
	if j := listed(store.Get(), layout.Running)[0]; j.Progress.Done != 22 {
		t.Errorf("the log grew and progress is %+v", j.Progress)
	}
}

// A job that the Python QM runs has no record, and its log tells since when.
func TestRunningWithoutRecord(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("skipped: Windows does not hold the names of the Python QM")
	}
	tree := newTree(t)
	started := time.Now().Add(-time.Hour).Truncate(time.Second)
	tree.write(tree.job(layout.Running, "12:30 fit")+"/process.log", "Job started by QM at: "+started.Format("2006-01-02 15:04:05")+"\nprocessing 1 / 4\n")
	tree.write(tree.job(layout.Running, "silent")+"/process.log", "no such line\n")
	snap := tree.store().Get()
	if j := snap.Find(layout.Running, "12:30 fit"); j == nil || !j.Started.Equal(started) || j.Progress == nil {
		t.Errorf("got %+v", j)
	}
	if j := snap.Find(layout.Running, "silent"); j == nil || time.Since(j.Started) > time.Minute {
		t.Errorf("got %+v", j)
	}
}

// A record of an earlier run lies in the folder until the new one is written;
// that of this run until the folder is moved on.
func TestRunningAgain(t *testing.T) {
	for name, c := range map[string]struct {
		started, finished time.Duration // from now
		earlier           bool
	}{
		"an earlier run": {-time.Hour, -time.Minute, true},
		"ended early":    {-time.Hour, -2 * time.Hour, true},
		"just ended":     {-time.Hour, time.Minute, false},
	} {
		tree := newTree(t)
		now := time.Now()
		tree.writeJSON(tree.job(layout.Running, "r")+"/"+layout.RecordFile,
			layout.Record{Started: new(now.Add(c.started)), Finished: new(now.Add(c.finished)), Outcome: new(layout.Failed), ExitCode: new(1)})
		j := listed(tree.store().Get(), layout.Running)[0]
		if earlier := j.Outcome == "" && j.ExitCode == nil && j.Took < 0 && time.Since(j.Started) < time.Minute; earlier != c.earlier {
			t.Errorf("%s: got %+v", name, j)
		}
	}
}

func TestNoTree(t *testing.T) {
	tree := testTree{t, filepath.Join(t.TempDir(), "QM")}
	store := tree.store()
	if snap := store.Get(); snap.Problem == "" {
		t.Error("nothing is said of a tree that is not there")
	}
	tree.job(layout.Queued, "a")
	if snap := store.Get(); snap.Problem != "" || snap.Count(layout.Queued) != 1 {
		t.Errorf("the tree is there: problem %q, jobs %q", snap.Problem, names(listed(snap, layout.Queued)))
	}
	if err := os.RemoveAll(tree.path); err != nil {
		t.Fatal(err)
	}
	if snap := store.Get(); snap.Problem == "" || snap.Count(layout.Queued) != 0 {
		t.Error("the tree is gone and jobs are still shown")
	}
}
