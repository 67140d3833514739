package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"qm/pkg/layout"
)

// TestNobodyOvertakesWhatGoesBack: a job that was claimed ahead and needs more
// slots than get free goes back to its old place, at the head of the queue, and
// those behind it wait.
func TestNobodyOvertakesWhatGoesBack(t *testing.T) {
	const short, behind = 40, 20
	l := newTree(t)
	l.write("QMserv.cfg", "[QMServer]\nMaxNbProcessors = 2\nsettle_time = 0.05\n")
	const tell = "script = echo $QM_JOB >>../../order; "
	for i := range short {
		l.job(layout.Queued, fmt.Sprintf("a%03d", i), fmt.Sprint(i), tell)
	}
	l.job(layout.Queued, "b-long", "long", tell+"until [ -e ../../go ]; do sleep 0.02; done")
	l.job(layout.Queued, "c-wide", "wide", tell+"\nnb_proc = 2")
	for i := range behind {
		l.job(layout.Queued, fmt.Sprintf("d%03d", i), fmt.Sprint(short+i), tell)
	}
	l.start()
	t.Cleanup(func() { l.kill() })
	l.await("the short ones are done and the wide one waits", func() bool {
		return l.count(layout.Done) >= short && l.count(layout.Running) == 1 && strings.Contains(l.queueJSON(), "needs 2 processors")
	})
	l.write("QM/go", "")
	l.await("all are done", func() bool { return l.count(layout.Done) == short+behind+2 })
	data, err := os.ReadFile(filepath.Join(string(l.tree), "order"))
	if err != nil {
		t.Fatal(err)
	}
	order := strings.Fields(string(data))
	wide := slices.Index(order, "c-wide")
	if wide != short+1 {
		t.Errorf("the wide job was number %d: %v\n%s", wide, order, tail(l.stderr()))
	}
	t.Logf("%d went back", strings.Count(l.stderr(), "job back in the queue"))
}

func (l *live) queueJSON() string {
	data, _ := os.ReadFile(l.tree.Path(layout.QueueFile))
	return string(data)
}

// TestNobodyOvertakesOnASlowDisk: those that are ready do not go back while others
// are being claimed behind them. Now and then the first job that starts during such
// a claim, which the number of those in QM_dJobs tells, takes longer than the ready
// ones wait.
func TestNobodyOvertakesOnASlowDisk(t *testing.T) {
	const jobs = 100
	dir := t.TempDir()
	c := &crashTree{t: t, dir: dir, tree: layout.Tree(filepath.Join(dir, "QM"))}
	c.write("QMserv.cfg", "[QMServer]\nMaxNbProcessors = 1\nsettle_time = 0.05\n")
	c.write("QM/last", "d=0 l=0")
	c.write("work.sh", `echo $QM_JOB >>../../order
. ../../last
n=$(ls ../../QM_dJobs | wc -l) m=$(wc -l <../../order) nap=0.025
if [ $n != $d ] && [ $m -ge $((l + 14)) ]; then l=$m nap=0.12; fi
echo "d=$n l=$l" >../../last
sleep $nap
`)
	for i := range jobs {
		c.job(layout.Queued, fmt.Sprintf("job%02d", i), fmt.Sprint(i), "script = sh ../../../work.sh")
	}
	if err := c.drain("slow move: source synced"); err != nil {
		t.Fatalf("%v\n%s", err, c.stderr())
	}
	data, err := os.ReadFile(filepath.Join(string(c.tree), "order"))
	if err != nil {
		t.Fatal(err)
	}
	if order := strings.Fields(string(data)); len(order) != jobs || !slices.IsSorted(order) {
		t.Errorf("they started as %v\n%s", order, tail(c.stderr()))
	}
	t.Logf("%d went back", strings.Count(c.stderr(), "job back in the queue"))
}
