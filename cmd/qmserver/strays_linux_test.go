package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"qm/cmd/qmserver/internal/patient"
	"qm/cmd/qmserver/internal/proc"
	"qm/pkg/layout"
)

// TestAStrayIsKilled: what a supervisor left whose run file is gone, or can't be
// read, is ended before its job is parked.
func TestAStrayIsKilled(t *testing.T) {
	garbage := func(path string) error { return os.WriteFile(path, []byte("garbage\n"), 0o600) }
	for what, spoil := range map[string]func(path string) error{"gone": os.Remove, "garbage": garbage} {
		t.Run(what, func(t *testing.T) {
			c := newServerTree(t)
			c.job(layout.Queued, "a", "a", "script = setsid sleep 600 & echo $! >left; echo $PPID >supervisor; sleep 600")
			server := c.serve()
			c.waitFor("it runs", func() bool { return c.number("supervisor") > 0 })
			left, supervisor := c.number("left"), c.number("supervisor")
			end(server)
			runs, err := filepath.Glob(c.tree.Path(layout.RunDir) + "/*")
			if err != nil || len(runs) != 1 {
				t.Fatalf("run files: %q, %v", runs, err)
			}
			if err := spoil(runs[0]); err != nil {
				t.Fatal(err)
			}
			server = c.serve()
			defer end(server)
			c.waitFor("it is waited for", func() bool {
				data, _ := os.ReadFile(c.tree.Path(layout.QueueFile))
				return strings.Contains(string(data), "its record is gone: waits")
			})
			if err := proc.Kill(supervisor); err != nil {
				t.Fatal(err)
			}
			c.waitFor("it is parked", func() bool { _, err := os.Stat(c.tree.Job(layout.Lost, "a")); return err == nil })
			if alive(left) {
				t.Error("something is left")
				_ = proc.Kill(left)
			}
		})
	}
}

// TestARunFileIsTakenAwayWhileTheServerLives, of its own run and of one that it
// has adopted: the job is not run again when its supervisor is gone.
func TestARunFileIsTakenAwayWhileTheServerLives(t *testing.T) {
	for _, adopted := range []bool{false, true} {
		c := newServerTree(t)
		c.job(layout.Queued, "a", "a", "script = echo x >>runs; echo $PPID >supervisor; sleep 600")
		server := c.serve()
		c.waitFor("it runs", func() bool { return c.number("supervisor") > 0 })
		supervisor := c.number("supervisor")
		if adopted {
			end(server)
			server = c.serve()
			c.waitFor("it is adopted", func() bool {
				data, _ := os.ReadFile(c.tree.Path(layout.ServerLog))
				return strings.Contains(string(data), "job adopted")
			})
		}
		runs, err := filepath.Glob(c.tree.Path(layout.RunDir) + "/*")
		if err != nil || len(runs) != 1 {
			t.Fatalf("run files: %q, %v", runs, err)
		}
		if err := os.Remove(runs[0]); err != nil {
			t.Fatal(err)
		}
		if err := proc.Kill(supervisor); err != nil {
			t.Fatal(err)
		}
		c.waitFor("it is parked", func() bool { _, err := os.Stat(c.tree.Job(layout.Lost, "a")); return err == nil })
		if at := c.jobs()["a"]; len(at) != 1 || at[0].runs != "x\n" || !strings.Contains(at[0].log, "its record is gone") {
			t.Errorf("adopted %v: %+v", adopted, at)
		}
		end(server)
	}
}

// newServerTree is for a server that is quick to see what comes.
func newServerTree(t *testing.T) *crashTree {
	dir := t.TempDir()
	c := &crashTree{t: t, dir: dir, tree: layout.Tree(filepath.Join(dir, "QM"))}
	c.write("QMserv.cfg", "[QMServer]\nsettle_time = 0.05\npoll_interval = 0.02\n")
	return c
}

// serve starts the twin.
func (c *crashTree) serve() *exec.Cmd {
	c.t.Helper()
	cmd := exec.Command(os.Args[0], "-config", "QMserv.cfg")
	cmd.Dir, cmd.Env = c.dir, append(os.Environ(), twinVar+"=run", c.mark())
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	return cmd
}

func end(server *exec.Cmd) {
	_ = server.Process.Kill()
	_ = server.Wait()
}

// number reads what the job a wrote into a file while it runs, or 0.
func (c *crashTree) number(file string) int {
	data, _ := os.ReadFile(filepath.Join(c.tree.Job(layout.Running, "a"), file))
	n, _ := strconv.Atoi(strings.TrimSpace(string(data)))
	return n
}

func (c *crashTree) waitFor(what string, cond func() bool) {
	c.t.Helper()
	patient.Until(c.t, what, cond, func() string {
		queue, _ := os.ReadFile(c.tree.Path(layout.QueueFile))
		return string(queue)
	})
}

// alive tells whether a process lives: one that only nobody has waited for yet
// does not.
func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(stat), ") Z ")
}
