package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// rival is another way to run programs one after another.
type rival struct {
	name string
	rate func(b *testing.B, size int) float64 // jobs/s, or 0 if it can't be had
}

var rivals = []rival{{"bare", bareRate}, {"tsp", tspRate}, {"nq", nqRate}}

// work is what each of them runs: what a job with `script = true` comes to.
var work = []string{"sh", "-c", "true"}

// bareRate is fork, exec and wait, in as many threads as there are slots: less
// can't be had.
func bareRate(b *testing.B, size int) float64 {
	var next atomic.Int64
	var workers sync.WaitGroup
	begin := time.Now()
	for range benchSlots {
		workers.Go(func() {
			for next.Add(1) <= int64(size) {
				if err := exec.Command(work[0], work[1:]...).Run(); err != nil {
					b.Error(err)
				}
			}
		})
	}
	workers.Wait()
	return float64(size) / time.Since(begin).Seconds()
}

// tspRate is task-spooler's, which takes 1,000 at a time and not more. It keeps the
// output of each job in a file, as we do.
func tspRate(b *testing.B, size int) float64 {
	t := newTSP(b)
	if t == nil || size > 1000 {
		return 0
	}
	begin := time.Now()
	for range size {
		t.run(work...)
	}
	t.wait()
	return float64(size) / time.Since(begin).Seconds()
}

// tsp is task-spooler with a server of its own.
type tsp struct {
	*testing.B
	path string
	env  []string
}

func newTSP(b *testing.B) *tsp {
	path, err := exec.LookPath("tsp")
	if err != nil {
		return nil
	}
	t := &tsp{b, path, append(os.Environ(), "TS_SOCKET="+filepath.Join(b.TempDir(), "socket"), "TMPDIR="+benchDir(b, os.TempDir()), "TS_MAXFINISHED=10")}
	t.run("-S", strconv.Itoa(benchSlots))
	b.Cleanup(func() { t.run("-K") })
	return t
}

// wait returns when nothing is left to be done.
func (t *tsp) wait() {
	for list := t.run("-l"); strings.Contains(list, "queued") || strings.Contains(list, "running"); list = t.run("-l") {
		time.Sleep(5 * time.Millisecond)
	}
}

func (t *tsp) run(args ...string) string {
	cmd := exec.Command(t.path, args...)
	cmd.Env = t.env
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("tsp %v: %v", args, err)
	}
	return string(out)
}

// tspDrain is the same for task-spooler, whose slots are taken by jobs that wait
// for a file meanwhile.
func tspDrain(b *testing.B, size int) float64 {
	t := newTSP(b)
	if t == nil {
		return 0
	}
	open := filepath.Join(b.TempDir(), "open")
	for range benchSlots {
		t.run("-n", "sh", "-c", "until [ -e "+open+" ]; do sleep 0.01; done")
	}
	for range size {
		t.run(work...)
	}
	begin := time.Now()
	if err := os.WriteFile(open, nil, 0o600); err != nil {
		b.Fatal(err)
	}
	t.wait()
	return float64(size) / time.Since(begin).Seconds()
}

// nqRate is that of nq, which runs one job at a time in a queue: so the jobs are
// dealt to as many queues as there are slots.
func nqRate(b *testing.B, size int) float64 {
	path, err := exec.LookPath("nq")
	if err != nil || size > 1000 {
		return 0
	}
	dirs := make([]string, benchSlots)
	for i := range dirs {
		dirs[i] = benchDir(b, os.TempDir())
	}
	begin := time.Now()
	for i := range size {
		runNQ(b, path, dirs[i%benchSlots], append([]string{"-q"}, work...)...)
	}
	for _, dir := range dirs {
		runNQ(b, path, dir, "-w")
	}
	return float64(size) / time.Since(begin).Seconds()
}

func runNQ(b *testing.B, path, dir string, args ...string) {
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), "NQDIR="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("nq %v: %v: %s", args, err, out)
	}
}
