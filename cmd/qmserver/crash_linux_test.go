package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/runfile"
	"qm/pkg/layout"
)

// steps are all that a crash may fall between; a new one is added here. Those
// of disk and runfile occur in both programs.
var steps = map[string][]string{
	"server": {
		"append", "append: synced", "append: written",
		"move", "move: renamed", "move: source synced", "move: target synced",
		"reason", "reason: written",
		"replace", "replace: renamed", "replace: synced", "replace: written", "replace: written out",
		"run file: folder synced", "run file: made",
		"spawn", "spawn: started",
		"sweep", "sweep: folder synced", "sweep: removed",
		"tell", "tell: written",
	},
	"supervisor": {
		"answer", "answer: written",
		"append", "append: synced", "append: written",
		"fork", "fork: done",
		"log", "log: begun", "log: ended",
		"replace", "replace: renamed", "replace: synced", "replace: written", "replace: written out",
		"set aside", "set aside: renamed",
	},
}

// crashTree is a tree in which one drain makes every transition.
type crashTree struct {
	t      *testing.T
	dir    string
	tree   layout.Tree
	drains int
	env    []string // beside that of the test
}

func newCrashTree(t *testing.T) *crashTree {
	t.Helper()
	dir := t.TempDir()
	c := &crashTree{t: t, dir: dir, tree: layout.Tree(filepath.Join(dir, "QM"))}
	c.write("QMserv.cfg", "[QMServer]\nMaxNbProcessors = 2\nsettle_time = 0.05\npoll_interval = 0.02\nstop_grace = 1\n")
	const run = "script = echo x >>runs; echo out; exit "
	c.job(layout.Done, "a", "other", "script = false")
	c.job(layout.Queued, "a", "a", run+"0") // its name is taken
	c.job(layout.Queued, "b", "b", run+"3")
	c.write("QM/QM_qJobs/b/process.log", "of an earlier run\n")
	c.write("QM/QM_qJobs/b/.qm/run.json", "{}")
	c.job(layout.Queued, "r", "r", "info = to be rejected")
	c.write("QM/QM_qJobs/r/.qm/run.json", "{}")
	c.job(layout.Running, "u", "u", run+"0") // claimed and never started
	ended := c.job(layout.Running, "e", "e", run+"0")
	again := c.job(layout.Queued, "i", "i", run+"0\nrerun = yes")
	code := 4
	c.runFile("ended", runfile.Line{Event: runfile.Starting, Identity: ended}, runfile.Line{Event: runfile.Ended, Identity: ended, End: &runfile.End{Outcome: layout.Failed, ExitCode: &code}})
	c.runFile("again", runfile.Line{Event: runfile.Starting, Identity: again, Attempt: 1}, runfile.Line{Event: runfile.Ended, Identity: again, Attempt: 1, End: &runfile.End{Outcome: layout.Interrupted}})
	return c
}

func (c *crashTree) write(path, text string) {
	c.t.Helper()
	path = filepath.Join(c.dir, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		c.t.Fatal(err)
	}
}

// job makes a job whose file id tells it from all others, whatever its name.
func (c *crashTree) job(s layout.State, name, id, cfg string) disk.Identity {
	c.t.Helper()
	at := filepath.Join("QM", s.Folder(), name)
	c.write(filepath.Join(at, "id"), id)
	c.write(filepath.Join(at, "proc_config.cfg"), "[QMOptions]\n"+cfg+"\n")
	f, err := disk.Lstat(c.tree.Job(s, name))
	if err != nil {
		c.t.Fatal(err)
	}
	return f.Identity
}

func (c *crashTree) runFile(name string, lines ...runfile.Line) {
	c.t.Helper()
	if err := os.MkdirAll(c.tree.Path(layout.RunDir), 0o711); err != nil {
		c.t.Fatal(err)
	}
	dir, err := os.OpenRoot(c.tree.Path(layout.RunDir))
	if err != nil {
		c.t.Fatal(err)
	}
	defer dir.Close()
	f, err := runfile.Create(dir, name)
	if err != nil {
		c.t.Fatal(err)
	}
	defer f.Close()
	for _, l := range lines {
		if err := f.Append(l); err != nil {
			c.t.Fatal(err)
		}
	}
}

// drain runs the twin until it ends, killed or not.
func (c *crashTree) drain(spec string) error {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-config", "QMserv.cfg", "-drain")
	cmd.Dir = c.dir
	c.drains++
	cmd.Env = append(append(os.Environ(), c.env...), twinVar+"="+spec, fmt.Sprintf("%s=%s/killed-%d", killedVar, c.dir, c.drains))
	log, err := os.OpenFile(filepath.Join(c.dir, "stderr"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		c.t.Fatal(err)
	}
	defer log.Close()
	fmt.Fprintf(log, "--- %s\n", spec)
	cmd.Stderr = log
	err = cmd.Run()
	if ctx.Err() != nil {
		c.t.Fatalf("%s: it does not end\n%s", spec, c.stderr())
	}
	return err
}

func (c *crashTree) stderr() string {
	data, _ := os.ReadFile(filepath.Join(c.dir, "stderr"))
	return string(data)
}

// found is where a job lies and what it has done.
type found struct {
	state  layout.State
	runs   string
	log    string
	record *layout.Record
}

// jobs finds each job by its id.
func (c *crashTree) jobs() map[string][]found {
	c.t.Helper()
	all := make(map[string][]found)
	for _, s := range layout.States {
		ids, _ := filepath.Glob(filepath.Join(c.tree.Folder(s), "*", "id"))
		for _, path := range ids {
			read := func(name string) string {
				data, err := os.ReadFile(filepath.Join(filepath.Dir(path), name))
				if err != nil && !errors.Is(err, os.ErrNotExist) {
					c.t.Error(err)
				}
				return string(data)
			}
			f := found{state: s, runs: read("runs"), log: read(layout.JobLog)}
			f.record, _ = layout.ParseRecord([]byte(read(layout.RecordFile)))
			all[read("id")] = append(all[read("id")], f)
		}
	}
	return all
}

// check looks at what must hold after all is over. Where a supervisor was
// killed its job may have been cut.
func (c *crashTree) check(role string) {
	c.t.Helper()
	jobs := c.jobs()
	for id, want := range map[string]int{"other": -1, "a": 0, "b": 3, "u": 0, "i": 0, "r": -1, "e": -1} {
		if len(jobs[id]) != 1 {
			c.t.Errorf("%s lies in %d folders", id, len(jobs[id]))
			continue
		}
		j := jobs[id][0]
		switch {
		case id == "r":
			if j.state != layout.Lost || j.record == nil || *j.record.Outcome != layout.Rejected || !strings.Contains(j.log, "script") {
				c.t.Errorf("r is %v: %s", j.state, j.log)
			}
		case want < 0:
			if j.state != layout.Done || j.runs != "" {
				c.t.Errorf("%s is %v, runs %q", id, j.state, j.runs)
			}
		case j.state == layout.Done:
			twice := role != "server" && id == "i" && j.runs == "x\nx\n" // it asks for that
			if !twice && j.runs != "x\n" || !strings.Contains(j.log, "\nout\nJob finished at: ") || j.record == nil || j.record.ExitCode == nil || *j.record.ExitCode != want {
				c.t.Errorf("%s is done, runs %q, record %+v, log\n%s", id, j.runs, j.record, j.log)
			}
		case role != "server" && j.state == layout.Lost:
			if len(j.runs) > 2 || j.record == nil || *j.record.Outcome != layout.Interrupted || !strings.Contains(j.log, "QM: interrupted at ") {
				c.t.Errorf("%s is lost, runs %q, record %+v, log\n%s", id, j.runs, j.record, j.log)
			}
		default:
			c.t.Errorf("%s is %v, runs %q", id, j.state, j.runs)
		}
	}
	if c.t.Failed() {
		c.t.Log(c.stderr())
	}
}

// trace runs a drain to its end and returns how often each step was reached.
func trace(t *testing.T) map[string]map[string]int {
	t.Helper()
	c := newCrashTree(t)
	file := filepath.Join(c.dir, "trace")
	_ = c.drain("trace " + file) // it tells that one was rejected
	c.check("")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]map[string]int{"server": {}, "supervisor": {}}
	for line := range strings.Lines(string(data)) {
		role, step, _ := strings.Cut(strings.TrimSpace(line), "\t")
		count[role][step]++
	}
	return count
}

// TestCrash kills the server, a supervisor, or both at each step, once and twice
// in a row, and starts it again: each job is then in one folder, none has run
// twice, none has vanished.
func TestCrash(t *testing.T) {
	if testing.Short() {
		t.Skip("some hundred starts: not with -short")
	}
	count := trace(t)
	for role, want := range steps {
		var got []string
		for step := range count[role] {
			got = append(got, step)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("the steps of the %s are\n%q, want\n%q", role, got, want)
		}
		who := []string{role}
		if role == "supervisor" {
			who = append(who, "both")
		}
		for _, victim := range who {
			for _, step := range want {
				crashes(t, victim, step, count[role][step])
			}
		}
	}
}

// crashes kills the victim at the first, the second and a later time that it
// comes to the step.
func crashes(t *testing.T, victim, step string, most int) {
	for _, n := range slices.Compact([]int{1, min(2, most), min(6, most)}) {
		for _, times := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s/%s/%d/%d times", victim, step, n, times), func(t *testing.T) {
				t.Parallel()
				crash(t, victim, step, n, times)
			})
		}
	}
}

func crash(t *testing.T, role, step string, n, times int) {
	c := newCrashTree(t)
	spec := fmt.Sprintf("kill %s %d %s", role, n, step)
	for range times {
		_ = c.drain(spec)
	}
	_ = c.drain("run")
	c.check(role)
}
