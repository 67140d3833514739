package main

import (
	"fmt"
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
