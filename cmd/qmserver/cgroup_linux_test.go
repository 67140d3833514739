package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"qm/cmd/qmserver/internal/cgroup"
	"qm/cmd/qmserver/internal/proc"
	"qm/pkg/layout"
)

// delegate makes a control group and gives it to servers of this test, as
// systemd does with Delegate= and DelegateSubgroup=.
func delegate(t *testing.T) *os.File {
	t.Helper()
	mount, err := exec.Command("findmnt", "-n", "-o", "TARGET", "-t", "cgroup2").Output()
	if err != nil {
		t.Skip("skipped: no control groups of version 2")
	}
	top, _, _ := strings.Cut(string(mount), "\n")
	dir := filepath.Join(top, fmt.Sprint("qm-test-", os.Getpid()))
	leaf := filepath.Join(dir, cgroup.Leaf)
	if err := os.MkdirAll(leaf, 0o755); err != nil {
		t.Skip("skipped: needs root for control groups: ", err)
	}
	_ = os.WriteFile(filepath.Join(top, "cgroup.subtree_control"), []byte("+memory"), 0)
	f, err := os.Open(leaf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		f.Close()
		_ = os.Remove(leaf)
		if err := os.Remove(dir); err != nil {
			t.Errorf("something is left: %v", err)
		}
	})
	return f
}

// serveIn starts the twin in a control group.
func (c *crashTree) serveIn(group *os.File) *exec.Cmd {
	c.t.Helper()
	cmd := exec.Command(os.Args[0], "-config", "QMserv.cfg")
	cmd.Dir, cmd.Env = c.dir, append(os.Environ(), twinVar+"=run", c.mark())
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(group.Fd())}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	return cmd
}

func (c *crashTree) isDone(name string) func() bool {
	return func() bool { _, err := os.Stat(c.tree.Job(layout.Done, name)); return err == nil }
}

// TestAGroupHoldsWhatClearedItsEnvironment: it is ended after the crash of both,
// and the group removed.
func TestAGroupHoldsWhatClearedItsEnvironment(t *testing.T) {
	group := delegate(t)
	c := newServerTree(t)
	c.job(layout.Queued, "a", "a", "script = env -i setsid sleep 600 & echo $! >left; echo $PPID >supervisor; sleep 600\nrerun = no")
	server := c.serveIn(group)
	c.waitFor("it runs", func() bool { return c.number("supervisor") > 0 })
	left, supervisor := c.number("left"), c.number("supervisor")
	end(server)
	if err := proc.Kill(supervisor); err != nil {
		t.Fatal(err)
	}
	server = c.serveIn(group)
	c.waitFor("it is parked", func() bool { _, err := os.Stat(c.tree.Job(layout.Lost, "a")); return err == nil })
	if alive(left) {
		t.Error("something is left")
		_ = proc.Kill(left)
	}
	c.awaitNoRuns(group)
	end(server)
}

// awaitNoRuns waits for the supervisors' groups to be removed.
func (c *crashTree) awaitNoRuns(group *os.File) {
	c.t.Helper()
	c.waitFor("the groups are removed", func() bool {
		left, err := filepath.Glob(filepath.Join(filepath.Dir(group.Name()), "qm-run-*"))
		return err == nil && len(left) == 0
	})
}

// TestTheKernelHoldsAJobToItsMemory between two looks of ours; one of another
// user's too.
func TestTheKernelHoldsAJobToItsMemory(t *testing.T) {
	group := delegate(t)
	data, _ := os.ReadFile(filepath.Join(filepath.Dir(group.Name()), "cgroup.controllers"))
	if !strings.Contains(string(data), "memory") {
		t.Skip("skipped: the control groups of this machine can't limit memory")
	}
	for _, runAs := range []string{"self", "owner"} {
		c := newServerTree(t)
		c.write("QMserv.cfg", "[QMServer]\nsettle_time = 0.05\npoll_interval = 0.02\nrun_as = "+runAs+"\n")
		c.job(layout.Queued, "a", "a", "script = dd if=/dev/zero of=/dev/null bs=900M count=1; echo lived on\nmemory = 100M")
		c.job(layout.Queued, "b", "b", "script = dd if=/dev/zero of=/dev/null bs=50M count=1 && echo fits\nmemory = 100M")
		if runAs == "owner" {
			c.giveToNobody("a", "b")
		}
		server := c.serveIn(group)
		c.waitFor("both end", func() bool { return c.isDone("a")() && c.isDone("b")() })
		r, err := os.ReadFile(filepath.Join(c.tree.Job(layout.Done, "a"), layout.RecordFile))
		if err != nil || !strings.Contains(string(r), `"outcome": "stopped"`) || !strings.Contains(string(r), "memory: used 100.0 MB of 100.0 MB; the kernel ended it") {
			t.Errorf("%s: %s, %v", runAs, r, err)
		}
		for name, want := range map[string]string{"a": "killed by signal 9", "b": "\nfits\n"} {
			log, _ := os.ReadFile(filepath.Join(c.tree.Job(layout.Done, name), layout.JobLog))
			if strings.Contains(string(log), "lived on") || !strings.Contains(string(log), want) {
				t.Errorf("%s: %s", runAs, log)
			}
		}
		c.awaitNoRuns(group)
		end(server)
	}
}

// giveToNobody makes queued jobs those of a user who has nothing.
func (c *crashTree) giveToNobody(names ...string) {
	c.t.Helper()
	const nobody = 65534
	errs := []error{os.Chmod(filepath.Dir(c.dir), 0o755), os.Chmod(c.dir, 0o755)}
	for _, name := range names {
		errs = append(errs, filepath.WalkDir(c.tree.Job(layout.Queued, name), func(path string, _ os.DirEntry, err error) error {
			return errors.Join(err, os.Lchown(path, nobody, -1))
		}))
	}
	if err := errors.Join(errs...); err != nil {
		c.t.Fatal(err)
	}
}
