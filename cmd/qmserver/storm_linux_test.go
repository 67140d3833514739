package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"qm/cmd/qmserver/internal/proc"
	"qm/cmd/qmserver/internal/supervise"
	"qm/pkg/layout"
)

const stormJobs = 60

// TestStorm kills the server -9 twelve times, whenever some more jobs have
// started: each job is started once, and each exit code is known.
func TestStorm(t *testing.T) {
	storm(t, func(int) string { return fmt.Sprintf("sleep 0.%d", rand.IntN(3)) })
}

// TestStormOfShortJobs is the same where some are claimed before there is room.
func TestStormOfShortJobs(t *testing.T) {
	storm(t, func(i int) string {
		if i%25 == 24 {
			return "sleep 0.3" // longer than was expected
		}
		return "true"
	})
}

func storm(t *testing.T, work func(i int) string) {
	t.Helper()
	c := newStorm(t, work)
	for range 12 {
		c.serveUntil(t, 1+rand.IntN(5), func(server *os.Process) {
			if err := server.Kill(); err != nil {
				t.Error(err)
			}
		})
	}
	c.settle(t)
	for id, at := range c.jobs() {
		var code int
		if _, err := fmt.Sscan(id, &code); err != nil {
			t.Fatal(err)
		}
		j := at[0]
		if len(at) != 1 || j.state != layout.Done || j.runs != "x\n" || j.record == nil || *j.record.ExitCode != code%7 ||
			!bytes.Contains([]byte(j.log), fmt.Appendf(nil, "with code %d\n", code%7)) {
			t.Errorf("job %s: %+v in %d places", id, j, len(at))
		}
	}
}

// TestStormOfSupervisors kills those too: each job has ended or is parked as
// interrupted, none was started twice.
func TestStormOfSupervisors(t *testing.T) {
	c := newStorm(t, func(int) string { return fmt.Sprintf("sleep 0.%d", rand.IntN(3)) })
	for i := range 12 {
		c.serveUntil(t, 1+rand.IntN(5), func(server *os.Process) {
			for _, pid := range c.supervisors() {
				if rand.IntN(2) == 0 {
					_ = proc.Kill(pid) // it may have ended
				}
			}
			if i%2 == 0 {
				_ = server.Kill()
			}
		})
	}
	c.settle(t)
	interrupted := 0
	for id, at := range c.jobs() {
		j := at[0]
		switch {
		case len(at) != 1 || j.runs != "x\n" && j.runs != "" || j.record == nil:
			t.Errorf("job %s: %+v in %d places", id, j, len(at))
		case j.state == layout.Lost && *j.record.Outcome == layout.Interrupted:
			interrupted++
		case j.state == layout.Done && j.record.Signal != nil:
			// Between fork and exec a job looks like its supervisor: it was hit.
		case j.state != layout.Done || j.runs == "":
			t.Errorf("job %s: %+v", id, j)
		}
	}
	t.Logf("%d of %d were interrupted", interrupted, stormJobs)
}

func newStorm(t *testing.T, work func(i int) string) *crashTree {
	t.Helper()
	if testing.Short() {
		t.Skip("takes some ten seconds: not with -short")
	}
	dir := t.TempDir()
	c := &crashTree{t: t, dir: dir, tree: layout.Tree(filepath.Join(dir, "QM"))}
	c.write("QMserv.cfg", "[QMServer]\nMaxNbProcessors = 4\nsettle_time = 0.05\npoll_interval = 0.02\nstop_grace = 1\n")
	for i := range stormJobs {
		id := fmt.Sprint(i)
		c.job(layout.Queued, "job"+id, id, fmt.Sprintf("script = echo x >>runs; %s; exit %d", work(i), i%7))
	}
	return c
}

// serveUntil runs a server, lets strike when so many more jobs have begun, and
// ends it if that has not.
func (c *crashTree) serveUntil(t *testing.T, more int, strike func(server *os.Process)) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-config", "QMserv.cfg")
	cmd.Dir, cmd.Env = c.dir, append(os.Environ(), twinVar+"=run", c.mark())
	before := c.begun()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	goal := min(before+more, stormJobs)
	for deadline := time.Now().Add(time.Minute); c.begun() < goal; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("%d jobs have begun, not %d", c.begun(), goal)
			break
		}
	}
	strike(cmd.Process)
	_ = cmd.Process.Signal(os.Interrupt)
	_ = cmd.Wait()
}

// mark is what tells the processes of this tree from all others.
func (c *crashTree) mark() string { return killedVar + "=" + c.dir }

func (c *crashTree) begun() int {
	runs, _ := filepath.Glob(filepath.Join(string(c.tree), "*", "*", "runs"))
	return len(runs)
}

func (c *crashTree) supervisors() []int {
	var found []int
	for _, pid := range proc.WithVariable(killedVar, c.dir, -1) {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if supervise.Asked(strings.Split(string(line), "\x00")) {
			found = append(found, pid)
		}
	}
	return found
}

// settle lets all come to its end; nothing may be left of it.
func (c *crashTree) settle(t *testing.T) {
	t.Helper()
	_ = c.drain("run")
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		left := proc.WithVariable(killedVar, c.dir, -1)
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%v are left", left)
		}
	}
}
