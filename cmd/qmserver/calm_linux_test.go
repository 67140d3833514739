package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"qm/pkg/layout"
)

// TestCalm: the server has a monitor thread that is woken later, keeps its process
// id and its other threads as they were, and so do its jobs.
func TestCalm(t *testing.T) {
	if own, err := os.ReadFile("/proc/self/timerslack_ns"); string(own) != "50000\n" {
		t.Skipf("this test is not as punctual as programs are: %s, %v", own, err)
	}
	l := newTree(t)
	l.write("QMserv.cfg", "[QMServer]\nsettle_time = 0.05\n")
	l.job(layout.Queued, "a", "a", "script = cat /proc/self/timerslack_ns")
	l.start()
	t.Cleanup(func() { l.kill() })
	l.await("the job is done", func() bool { return l.count(layout.Done) == 1 })
	if log, err := os.ReadFile(filepath.Join(l.tree.Job(layout.Done, "a"), layout.JobLog)); !strings.Contains(string(log), "\n50000\n") {
		t.Errorf("the job's log: %s, %v", log, err)
	}
	pid := l.server.Process.Pid
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		t.Fatal(err)
	}
	slack := make(map[string]string)
	for _, thread := range threads {
		data, err := os.ReadFile("/proc/" + thread.Name() + "/timerslack_ns")
		if errors.Is(err, fs.ErrPermission) {
			t.Skip("only root may read it of another process: see proc_pid_timerslack_ns(5)")
		}
		slack[thread.Name()] = strings.TrimSpace(string(data))
	}
	if got := slack[fmt.Sprint(pid)]; got != "50000" {
		t.Errorf("the first thread is woken %s ns late", got)
	}
	var all []string
	for _, ns := range slack {
		all = append(all, ns)
	}
	if !slices.Contains(all, "1000000") {
		t.Errorf("threads are woken late by %v ns, none as the monitor should be", all)
	}
}
