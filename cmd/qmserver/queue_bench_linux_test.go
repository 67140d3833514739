package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/pkg/layout"
)

// benched is the real program, built without anything, on a tree of its own.
type benched struct {
	*testing.B
	dir    string
	tree   layout.Tree
	server *exec.Cmd
}

func newBenched(b *testing.B) *benched {
	b.Helper()
	return newBenchedIn(b, os.TempDir())
}

// newBenchedIn is newBenched on the file system of the folder base.
func newBenchedIn(b *testing.B, base string) *benched {
	b.Helper()
	dir := benchDir(b, base)
	s := &benched{B: b, dir: dir, tree: layout.Tree(filepath.Join(dir, "QM"))}
	for _, state := range layout.States {
		if err := os.MkdirAll(s.tree.Folder(state), 0o755); err != nil {
			b.Fatal(err)
		}
	}
	if out, err := exec.Command("go", "build", "-o", filepath.Join(dir, "qmserver"), ".").CombinedOutput(); err != nil {
		b.Fatalf("%s: %v", out, err)
	}
	return s
}

// benchDirs are those on the disk. They stay until all benchmarks are over: ext4
// without a journal takes no inode that was freed in the last minutes, and for each
// new file passes by all of those (recently_deleted in its ialloc.c). So what one
// benchmark removes would cost the next half of its speed.
var benchDirs []string

func benchDir(b *testing.B, base string) string {
	b.Helper()
	dir, err := os.MkdirTemp(base, "qm-bench") //nolint:usetesting // which file system it is counts
	if err != nil {
		b.Fatal(err)
	}
	if base == os.TempDir() {
		benchDirs = append(benchDirs, dir)
	} else {
		b.Cleanup(func() { _ = os.RemoveAll(dir) })
	}
	return dir
}

func removeBenchDirs() {
	for _, dir := range benchDirs {
		_ = os.RemoveAll(dir)
	}
}

func (s *benched) config(keys string) {
	s.Helper()
	text := fmt.Sprintf("[QMServer]\nMaxNbProcessors = %d\n%s", benchSlots, keys)
	if err := os.WriteFile(filepath.Join(s.dir, "QMserv.cfg"), []byte(text), 0o600); err != nil {
		s.Fatal(err)
	}
}

func (s *benched) start(cfg string) {
	s.Helper()
	s.config(cfg)
	s.server = exec.Command(filepath.Join(s.dir, "qmserver"))
	s.server.Dir = s.dir
	if err := s.server.Start(); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(s.end)
	s.await("the server runs", func() bool {
		data, err := os.ReadFile(s.tree.Path(layout.HeartbeatFile))
		return err == nil && strings.Contains(string(data), fmt.Sprintf(`"pid":%d,`, s.server.Process.Pid))
	})
}

func (s *benched) end() {
	if s.server != nil {
		_ = s.server.Process.Kill()
		_ = s.server.Wait()
		s.server = nil
	}
}

func (s *benched) await(what string, cond func() bool) {
	s.Helper()
	for deadline := time.Now().Add(5 * time.Minute); !cond(); time.Sleep(200 * time.Microsecond) {
		if time.Now().After(deadline) {
			s.Fatalf("waited in vain until %s", what)
		}
	}
}

// job makes a job folder.
func (s *benched) job(dir, script string) {
	s.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		s.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "proc_config.cfg"), []byte("[QMOptions]\nscript = "+script+"\ne_mail = someone@example.org\n"), 0o644); err != nil {
		s.Fatal(err)
	}
}

func (s *benched) queue(n int, script string) {
	s.Helper()
	for i := range n {
		s.job(s.tree.Job(layout.Queued, fmt.Sprintf("job%06d", i)), script)
	}
}

func (s *benched) count(state layout.State) int {
	n := 0
	_ = disk.List(s.tree.Folder(state), func([]byte, uint64, os.FileMode) { n++ })
	return n
}

// cpu is what the server alone has used.
func (s *benched) cpu() time.Duration {
	return cpuOf(s.B, s.server.Process.Pid, 2)
}

// cpuOf reads proc_pid_stat(5): the first two of these fields are the process's
// own, the others those of its children, in ticks of 10 ms.
func cpuOf(b *testing.B, pid, fields int) time.Duration {
	b.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	var ticks int
	for _, f := range strings.Fields(rest)[11 : 11+fields] {
		n, err := strconv.Atoi(f)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// precise is the CPU time of a process in ns: proc_pid_schedstat(5) of each of
// its threads.
func precise(b *testing.B, pid int) time.Duration {
	b.Helper()
	var total time.Duration
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, t := range threads {
		data, _ := os.ReadFile(t)
		if f := strings.Fields(string(data)); len(f) > 0 {
			n, _ := strconv.ParseInt(f[0], 10, 64)
			total += time.Duration(n)
		}
	}
	return total
}

// resident is the memory of the server, in bytes.
func (s *benched) resident() int64 { return s.status("VmRSS:") }

// status reads a size in proc_pid_status(5), in bytes.
func (s *benched) status(name string) int64 {
	s.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.server.Process.Pid))
	if err != nil {
		s.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), name)
	kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		s.Fatal(err)
	}
	return kb << 10
}

// pss is the server's part of the memory that it uses, in bytes.
func (s *benched) pss() (bytes int64) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", s.server.Process.Pid))
	if err != nil {
		s.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), "\nPss:")
	kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		s.Fatal(err)
	}
	return kb << 10
}

// BenchmarkSubmit moves one folder at a time into the queue of an idle server:
// how long until its script starts, and from its end until the folder lies in
// QM_dJobs.
func BenchmarkSubmit(b *testing.B) {
	s := newBenched(b)
	s.start("")
	var starts, ends []time.Duration
	for b.Loop() {
		name := fmt.Sprint("job", len(starts))
		aside, done := filepath.Join(s.dir, name), s.tree.Job(layout.Done, name)
		s.job(aside, "true")
		submitted := time.Now()
		if err := os.Rename(aside, s.tree.Job(layout.Queued, name)); err != nil {
			b.Fatal(err)
		}
		s.await("it is done", func() bool { _, err := os.Lstat(done); return err == nil })
		data, err := os.ReadFile(filepath.Join(done, layout.RecordFile))
		if err != nil {
			b.Fatal(err)
		}
		rec, err := layout.ParseRecord(data)
		if err != nil {
			b.Fatal(err)
		}
		at, err := disk.Lstat(done) // whose change is its move there
		if err != nil {
			b.Fatal(err)
		}
		starts = append(starts, rec.Started.Sub(submitted))
		ends = append(ends, time.Unix(0, at.Ctime).Sub(*rec.Finished))
	}
	reportSpread(b, starts, "ms-to-start")
	reportSpread(b, ends, "ms-to-done")
}

func reportSpread(b *testing.B, all []time.Duration, what string) {
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, what)
	b.ReportMetric(float64(all[len(all)*95/100].Microseconds())/1000, "p95-"+what)
	b.ReportMetric(float64(all[len(all)-1].Microseconds())/1000, "max-"+what)
}

// BenchmarkQueue starts a server before a queue of this size: how long until
// the first job starts, what the next 2,000 cost (or all of a shorter queue),
// and what each that waits takes of memory.
func BenchmarkQueue(b *testing.B) {
	for _, size := range []int{100, 10_000, 100_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			for b.Loop() {
				benchQueue(b, size)
			}
		})
	}
}

func benchQueue(b *testing.B, size int) {
	b.StopTimer()
	s := newBenched(b)
	s.start("")
	empty := s.resident()
	s.end()
	s.queue(size, "true")
	old := time.Now().Add(21 * time.Second) // none is taken for one that is being copied
	for time.Now().Before(old) {
		time.Sleep(time.Until(old))
	}
	b.StartTimer()
	begin := time.Now()
	s.start("")
	s.await("one has started", func() bool { return s.count(layout.Running)+s.count(layout.Done) > 0 })
	b.ReportMetric(time.Since(begin).Seconds(), "s-to-first")
	s.await("all info files are read", func() bool {
		data, _ := os.ReadFile(s.tree.Path(layout.QueueFile))
		q, err := layout.ParseQueue(data)
		return err == nil && q.Arriving == 0
	})
	b.ReportMetric(time.Since(begin).Seconds(), "s-to-read-all")
	if size > 10_000 {
		b.ReportMetric(float64(s.resident()-empty)/float64(s.count(layout.Queued)), "B/queued")
	}
	done, cpu, from := s.count(layout.Done), s.cpu(), time.Now()
	want := min(done+2000, size)
	s.awaitSeldom("some more are done", func() bool { return s.count(layout.Done) >= want })
	if n := float64(want - done); n > 0 {
		b.ReportMetric(n/time.Since(from).Seconds(), "jobs/s")
		b.ReportMetric((s.cpu()-cpu).Seconds()*1000/n, "server-CPU-ms/job")
	}
	s.end()
}

// BenchmarkIdle is what a server that has nothing to do takes of the processor
// in a minute.
func BenchmarkIdle(b *testing.B) {
	const watched = 30 * time.Second
	for _, test := range []struct {
		what          string
		done, waiting int
	}{{"empty", 0, 0}, {"1000 done", 1000, 0}, {"2000 waiting", 0, 2000}, {"100000 waiting", 0, 100_000}} {
		b.Run(test.what, func(b *testing.B) {
			for b.Loop() {
				s := newBenched(b)
				for i := range test.done {
					s.job(s.tree.Job(layout.Done, fmt.Sprint("job", i)), "true")
				}
				s.queue(test.waiting, "sleep 600")
				s.start("")
				if test.waiting > 0 {
					s.await("the machine is full", func() bool { return s.count(layout.Running) == 2 })
				}
				time.Sleep(30 * time.Second) // it has something to do at first
				loop := statLoop(b, s.dir)
				cpu, cpuOfLoop := precise(b, s.server.Process.Pid), precise(b, loop)
				time.Sleep(watched)
				used, usedByLoop := precise(b, s.server.Process.Pid)-cpu, precise(b, loop)-cpuOfLoop
				b.ReportMetric(used.Seconds()*1000*float64(time.Minute/watched), "CPU-ms/min")
				b.ReportMetric(used.Seconds()/usedByLoop.Seconds(), "x-stat-loop")
				b.ReportMetric(float64(s.pss())/1e6, "MB-pss")
				for _, e := range must(os.ReadDir(s.tree.Folder(layout.Running))) {
					_ = os.WriteFile(filepath.Join(s.tree.Job(layout.Running, e.Name()), "STOP"), nil, 0o600)
				}
				s.await("nothing runs", func() bool {
					_ = os.WriteFile(s.tree.Job(layout.Queued, "PAUSE"), nil, 0o600)
					for _, e := range must(os.ReadDir(s.tree.Folder(layout.Running))) {
						_ = os.WriteFile(filepath.Join(s.tree.Job(layout.Running, e.Name()), "STOP"), nil, 0o600)
					}
					return s.count(layout.Running) == 0
				})
				s.end()
			}
		})
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
