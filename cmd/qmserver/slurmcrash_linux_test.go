package main

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// slurmSteps are those of a server whose jobs Slurm runs, beside what only
// supervisors are told.
var slurmSteps = []string{
	"append", "append: synced", "append: written",
	"log: ended",
	"move", "move: renamed", "move: source synced", "move: target synced",
	"reason", "reason: written",
	"replace", "replace: renamed", "replace: synced", "replace: written", "replace: written out",
	"run file: folder synced", "run file: made",
	"set aside", "set aside: renamed",
	"slurm: about to end", "slurm: folder made", "slurm: submit", "slurm: submitted",
	"sweep", "sweep: folder synced", "sweep: removed",
}

// newSlurmCrashTree is a tree whose jobs a played Slurm runs; see testdata/slurm.
func newSlurmCrashTree(t *testing.T) *crashTree {
	t.Helper()
	c := newCrashTree(t)
	c.write("QMserv.cfg", "[QMServer]\nlaunch_type = slurm\nslurm_poll_interval = 0.1\nsettle_time = 0.05\npoll_interval = 0.02\n")
	c.write("slurm/jobs/README", "")
	c.write("slurm/say/README", "")
	played, err := filepath.Abs("../../testdata/slurm")
	if err != nil {
		t.Fatal(err)
	}
	c.env = []string{"FAKE_SLURM=" + filepath.Join(c.dir, "slurm"), "PATH=" + played + ":" + os.Getenv("PATH")}
	return c
}

// TestSlurmCrash kills the server at each step of giving jobs to Slurm, following
// them and taking them back: each is then in one folder, and has run once.
func TestSlurmCrash(t *testing.T) {
	if testing.Short() {
		t.Skip("some hundred starts: not with -short")
	}
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip("skipped without setsid: a played Slurm")
	}
	c := newSlurmCrashTree(t)
	file := filepath.Join(c.dir, "trace")
	_ = c.drain("trace " + file) // it tells that one was rejected
	c.check("server")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	count := make(map[string]int)
	for line := range strings.Lines(string(data)) {
		_, step, _ := strings.Cut(strings.TrimSpace(line), "\t")
		count[step]++
	}
	got := slices.Sorted(maps.Keys(count))
	swept := func(step string) bool { return strings.HasPrefix(step, "sweep") } // by the next heartbeat, if it lives until then
	if !slices.Equal(slices.DeleteFunc(got, swept), slices.DeleteFunc(slices.Clone(slurmSteps), swept)) {
		t.Fatalf("the steps are\n%q, want\n%q", got, slurmSteps)
	}
	for _, step := range slurmSteps {
		for _, n := range slices.Compact([]int{1, min(3, count[step])}) {
			t.Run(fmt.Sprintf("%s/%d", step, n), func(t *testing.T) {
				t.Parallel()
				c := newSlurmCrashTree(t)
				for range n { // once, or as often as it takes to come there
					_ = c.drain(fmt.Sprintf("kill server %d %s", n, step))
				}
				_ = c.drain("run")
				c.check("server")
				for _, id := range []string{"a", "b", "u", "i"} {
					if log := c.jobs()[id][0].log; strings.Count(log, "Job finished at: ") != 1 {
						t.Errorf("log of %s\n%s", id, log)
					}
				}
			})
		}
	}
}
