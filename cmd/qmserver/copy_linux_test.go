package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"qm/pkg/layout"
)

// TestACopyOfATree, made while a job runs, such as a backup that is put back:
// a server of the copy ends nothing of the tree that was copied, and runs
// nothing a second time unasked.
func TestACopyOfATree(t *testing.T) {
	c := newServerTree(t)
	c.job(layout.Queued, "a", "a", "script = echo x >>runs; touch begun; n=0; while [ ! -e open ] && [ $n -lt 3000 ]; do sleep 0.02; n=$((n + 1)); done; echo whole")
	server := c.serve()
	defer func() { end(server) }()
	c.waitFor("it runs", func() bool { _, err := os.Stat(c.tree.Job(layout.Running, "a") + "/begun"); return err == nil })

	copied := newServerTree(t)
	if out, err := exec.CommandContext(t.Context(), "cp", "-a", string(c.tree), string(copied.tree)).CombinedOutput(); err != nil {
		t.Fatalf("copy: %v\n%s", err, out)
	}
	for range 2 { // the second start finds nothing new
		other := copied.serve()
		t.Cleanup(func() { end(other) })
		copied.waitFor("it is parked", func() bool { _, err := os.Stat(copied.tree.Job(layout.Lost, "a")); return err == nil })
		end(other)
	}
	if at := copied.jobs()["a"]; len(at) != 1 || at[0].runs != "x\n" || !strings.Contains(at[0].log, "its record is gone, it may have run") {
		t.Errorf("the copy: %+v", at)
	}
	log, err := os.ReadFile(copied.tree.Path(layout.ServerLog))
	if n := strings.Count(string(log), "the tree was copied"); n != 1 {
		t.Errorf("told %d times, %v:\n%s", n, err, log)
	}

	end(server)
	server = c.serve()
	c.write(filepath.Join("QM", layout.Running.Folder(), "a", "open"), "")
	c.waitFor("it ends", func() bool { _, err := os.Stat(c.tree.Job(layout.Done, "a")); return err == nil })
	if at := c.jobs()["a"]; len(at) != 1 || at[0].runs != "x\n" || !strings.Contains(at[0].log, "\nwhole\n") {
		t.Errorf("the original: %+v", at)
	}
}
