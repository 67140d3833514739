package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"qm/cmd/qmserver/internal/patient"
	"qm/pkg/layout"
)

// TestNobodyWaitsInQMJobs: what was claimed ahead, since short jobs ended one after
// another, goes back to its place when the jobs before it take long, and when the
// server ends.
func TestNobodyWaitsInQMJobs(t *testing.T) {
	const short, long = 60, 12
	l := newTree(t)
	l.write("QMserv.cfg", "[QMServer]\nMaxNbProcessors = 2\nsettle_time = 0.05\n")
	for i := range short + long {
		script := "echo x >>runs"
		if i >= short {
			script += "; until [ -e ../../go ]; do sleep 0.02; done"
		}
		l.job(layout.Queued, fmt.Sprintf("job%03d", i), fmt.Sprint(i), "script = "+script)
	}
	l.start()
	t.Cleanup(func() { l.kill() })
	l.await("all short jobs are done and two long ones run", func() bool {
		return l.count(layout.Done) == short && l.count(layout.Running) == 2 && l.count(layout.Queued) == long-2
	})
	t.Logf("%d went back", strings.Count(l.stderr(), "job back in the queue"))
	for _, name := range l.names(layout.Running) {
		patient.Until(t, name+" runs", func() bool {
			_, err := os.Stat(filepath.Join(l.tree.Job(layout.Running, name), "runs"))
			return err == nil
		})
	}
	l.write("QM/go", "")
	l.await("half of them are done", func() bool { return l.count(layout.Done) >= short+long/2 })
	if err := l.server.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = l.server.Wait()
	l.await("the supervisors are gone", func() bool { return len(l.supervisors()) == 0 })
	for _, name := range l.names(layout.Running) {
		if _, err := os.Stat(filepath.Join(l.tree.Job(layout.Running, name), "runs")); err != nil {
			t.Errorf("%s lies in QM_Jobs and was never started", name)
		}
	}
	l.start()
	l.await("all are done", func() bool { return l.count(layout.Done) == short+long })
	for _, name := range l.names(layout.Done) {
		if data, err := os.ReadFile(filepath.Join(l.tree.Job(layout.Done, name), "runs")); string(data) != "x\n" {
			t.Errorf("%s: runs %q, %v", name, data, err)
		}
	}
}

func (c *crashTree) names(s layout.State) []string {
	var names []string
	entries, _ := os.ReadDir(c.tree.Folder(s))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func (c *crashTree) count(s layout.State) int { return len(c.names(s)) }
