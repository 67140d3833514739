package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"qm/pkg/layout"
)

// TestASlowDiskIsNoLongRun: what a claim's syncs take is no time of its job's:
// short jobs are known as such on a slow disk too, and claimed ahead.
func TestASlowDiskIsNoLongRun(t *testing.T) {
	const jobs = 16
	dir := t.TempDir()
	c := &crashTree{t: t, dir: dir, tree: layout.Tree(filepath.Join(dir, "QM"))}
	c.write("QMserv.cfg", "[QMServer]\nMaxNbProcessors = 2\nsettle_time = 0.05\n")
	for i := range jobs {
		c.job(layout.Queued, fmt.Sprintf("job%02d", i), fmt.Sprint(i), "script = true")
	}
	if err := c.drain("slow move: target synced"); err != nil {
		t.Fatalf("%v\n%s", err, c.stderr())
	}
	var took []float64
	for line := range strings.Lines(c.stderr()) {
		_, seconds, finished := strings.Cut(strings.TrimSpace(line), " seconds=")
		if !finished {
			continue
		}
		n, err := strconv.ParseFloat(seconds, 64)
		if err != nil {
			t.Fatal(err)
		}
		took = append(took, n)
	}
	slices.Sort(took)
	if len(took) != jobs || took[jobs/2] >= slowSync.Seconds() {
		t.Errorf("the jobs took %v s", took)
	}
}

// TestADiskThatHangs: while a sync does not return the server goes on to live, what
// runs runs, what waits says why, and nothing else is moved. It all goes on with the
// disk.
func TestADiskThatHangs(t *testing.T) {
	l := newTree(t)
	l.write("QMserv.cfg", "[QMServer]\nMaxNbProcessors = 1\nsettle_time = 0.05\n")
	for _, name := range []string{"a", "b", "c"} {
		l.job(layout.Queued, name, name, "script = true")
	}
	answers := filepath.Join(l.dir, "answers")
	l.startAs("hang " + answers + " move: target synced")
	t.Cleanup(func() { l.kill() })
	l.await("the others wait for the disk", func() bool {
		data, _ := os.ReadFile(l.tree.Path(layout.QueueFile))
		q, err := layout.ParseQueue(data)
		return err == nil && len(q.Jobs) == 2 && strings.HasPrefix(q.Jobs[0].Reason, "the disk is slow") && strings.Contains(l.stderr(), "disk is slow; ")
	})
	l.await("the page tells, too", func() bool { return strings.Contains(l.beat(), `"problems":["the disk is slow`) })
	before := l.beat()
	l.await("the heart beats", func() bool { return l.beat() != before })
	if got := l.names(layout.Running); !slices.Equal(got, []string{"a"}) || l.count(layout.Queued) != 2 {
		t.Errorf("%q lie in QM_Jobs, %q in QM_qJobs", got, l.names(layout.Queued))
	}
	if _, err := os.Stat(filepath.Join(l.tree.Job(layout.Running, "a"), layout.JobLog)); err == nil {
		t.Error("a was started before its move was on disk")
	}
	l.write("answers", "")
	l.await("all are done", func() bool { return l.count(layout.Done) == 3 && strings.Contains(l.beat(), `"problems":[]`) })
	if !strings.Contains(l.stderr(), "disk goes on") {
		t.Error("the log does not tell that the disk goes on")
	}
}

// beat is what the heartbeat says.
func (c *crashTree) beat() string {
	data, _ := os.ReadFile(c.tree.Path(layout.HeartbeatFile))
	return string(data)
}
