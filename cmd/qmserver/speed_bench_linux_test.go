package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"qm/pkg/layout"
)

// These benchmarks compare the real program with what people would pick
// instead, on the same work and in the same run: machines differ, and are
// noisy. Those that are not installed are left out.

const benchSlots = 2

// BenchmarkThroughput runs so many jobs of `true` that are there at once, two at
// a time: ours as folders that are renamed into the queue of an idle server, on
// the disk and on a file system in memory.
func BenchmarkThroughput(b *testing.B) {
	for _, size := range []int{300, 5000} {
		for _, where := range []struct{ name, base string }{{"disk", os.TempDir()}, {"memory", "/dev/shm"}} {
			b.Run(fmt.Sprintf("%d/%s", size, where.name), func(b *testing.B) {
				if _, err := os.Stat(where.base); err != nil {
					b.Skip(err)
				}
				for b.Loop() {
					benchThroughput(b, where.base, size)
				}
			})
		}
	}
}

func benchThroughput(b *testing.B, base string, size int) {
	s := newBenchedIn(b, base)
	s.start("")
	aside := filepath.Join(s.dir, "aside")
	for i := range size {
		s.job(filepath.Join(aside, fmt.Sprintf("job%06d", i)), "true")
	}
	server, children := s.cpu(), s.cpuOfSupervisors()
	begin := time.Now()
	for i := range size {
		name := fmt.Sprintf("job%06d", i)
		if err := os.Rename(filepath.Join(aside, name), s.tree.Job(layout.Queued, name)); err != nil {
			b.Fatal(err)
		}
	}
	s.awaitSeldom("all are done", func() bool { return s.count(layout.Done) == size })
	ours := float64(size) / time.Since(begin).Seconds()
	s.awaitSeldom("its supervisors are gone", func() bool { return s.supervisors() == 0 })
	perJob := func(d time.Duration) float64 { return d.Seconds() * 1000 / float64(size) }
	b.ReportMetric(ours, "jobs/s")
	b.ReportMetric(perJob(s.cpu()-server), "server-CPU-ms/job")
	jobs := s.cpuOfJobs()
	b.ReportMetric(perJob(jobs), "job-CPU-ms/job")
	b.ReportMetric(perJob(s.cpuOfSupervisors()-children-jobs), "supervisor-CPU-ms/job")
	b.ReportMetric(float64(s.peak())/1e6, "MB-peak")
	s.end()
	for _, r := range rivals {
		if rate := r.rate(b, size); rate > 0 {
			b.ReportMetric(rate, r.name+"-jobs/s")
			b.ReportMetric(ours/rate, "x-"+r.name)
		}
	}
}

// BenchmarkDrain is how fast 900 jobs of `true` go that wait already: the clock
// starts at the first start.
func BenchmarkDrain(b *testing.B) {
	const size = 900
	for b.Loop() {
		s := newBenched(b)
		s.start("")
		pause := s.tree.Job(layout.Queued, string(layout.Pause))
		if err := os.WriteFile(pause, nil, 0o600); err != nil {
			b.Fatal(err)
		}
		for i := range size {
			name := fmt.Sprintf("job%06d", i)
			s.job(filepath.Join(s.dir, name), "true")
			if err := os.Rename(filepath.Join(s.dir, name), s.tree.Job(layout.Queued, name)); err != nil {
				b.Fatal(err)
			}
		}
		s.awaitSeldom("all wait", func() bool {
			data, _ := os.ReadFile(s.tree.Path(layout.QueueFile))
			q, err := layout.ParseQueue(data)
			return err == nil && q.Waiting == size
		})
		if err := os.Remove(pause); err != nil {
			b.Fatal(err)
		}
		s.await("one has started", func() bool { return s.count(layout.Running)+s.count(layout.Done) > 0 })
		begin := time.Now()
		s.awaitSeldom("all are done", func() bool { return s.count(layout.Done) == size })
		ours := size / time.Since(begin).Seconds()
		s.end()
		b.ReportMetric(ours, "jobs/s")
		if rate := tspDrain(b, size); rate > 0 {
			b.ReportMetric(rate, "tsp-jobs/s")
			b.ReportMetric(ours/rate, "x-tsp")
		}
	}
}

// cpuOfSupervisors is what the supervisors that are gone have used, with their
// jobs.
func (s *benched) cpuOfSupervisors() time.Duration {
	return cpuOf(s.B, s.server.Process.Pid, 4) - cpuOf(s.B, s.server.Process.Pid, 2)
}

// cpuOfJobs is what the jobs that are done have used, by their records.
func (s *benched) cpuOfJobs() (total time.Duration) {
	for _, e := range must(os.ReadDir(s.tree.Folder(layout.Done))) {
		rec, err := layout.ParseRecord(must(os.ReadFile(filepath.Join(s.tree.Job(layout.Done, e.Name()), layout.RecordFile))))
		if err != nil || rec.CPUSeconds == nil {
			s.Fatalf("%s: %v", e.Name(), err)
		}
		total += time.Duration(*rec.CPUSeconds * float64(time.Second))
	}
	return total
}

// supervisors counts those that live.
func (s *benched) supervisors() int {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", s.server.Process.Pid))
	n := len(strings.Fields(string(data)))
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", s.server.Process.Pid))
	for _, t := range tasks {
		if filepath.Base(filepath.Dir(t)) != strconv.Itoa(s.server.Process.Pid) {
			data, _ := os.ReadFile(t)
			n += len(strings.Fields(string(data)))
		}
	}
	return n
}

// awaitSeldom waits without taking much of the processors.
func (s *benched) awaitSeldom(what string, cond func() bool) {
	s.Helper()
	s.await(what, func() bool {
		time.Sleep(10 * time.Millisecond)
		return cond()
	})
}

// peak is the most memory that the server has had, in bytes.
func (s *benched) peak() int64 { return s.status("VmHWM:") }

// BenchmarkStart is how long it takes from the command, or the rename, until the
// script runs, which tells the time itself, when nothing else is to be done.
func BenchmarkStart(b *testing.B) {
	stamp := filepath.Join(b.TempDir(), "stamp")
	script := "date +%s%N >" + stamp
	s := newBenched(b)
	s.start("")
	t := newTSP(b)
	var ours, theirs []time.Duration
	for b.Loop() {
		name := fmt.Sprint("job", len(ours))
		s.job(filepath.Join(s.dir, name), strings.ReplaceAll(script, "%", "%%"))
		ours = append(ours, s.timeTo(stamp, func() {
			if err := os.Rename(filepath.Join(s.dir, name), s.tree.Job(layout.Queued, name)); err != nil {
				b.Fatal(err)
			}
		}))
		s.await("it is done", func() bool { _, err := os.Lstat(s.tree.Job(layout.Done, name)); return err == nil })
		if t != nil {
			theirs = append(theirs, s.timeTo(stamp, func() { t.run("-n", "sh", "-c", script) }))
		}
	}
	reportSpread(b, ours, "ms")
	if t != nil {
		reportSpread(b, theirs, "ms-tsp")
		b.ReportMetric(float64(ours[len(ours)/2])/float64(theirs[len(theirs)/2]), "x-tsp")
	}
}

// timeTo is how long after it is told the script writes the stamp.
func (s *benched) timeTo(stamp string, tell func()) time.Duration {
	s.Helper()
	_ = os.Remove(stamp)
	begin := time.Now()
	tell()
	var ns int64
	s.await("the script has run", func() bool {
		data, _ := os.ReadFile(stamp)
		var err error
		ns, err = strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
		return err == nil && bytes.HasSuffix(data, []byte("\n"))
	})
	return time.Unix(0, ns).Sub(begin)
}

// BenchmarkCalls counts the system calls of the server and its supervisors for
// each of 100 jobs, and the syncs among them. strace slows them down, so what is
// shared between jobs that end together is more often shared than else.
func BenchmarkCalls(b *testing.B) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		b.Skip("strace is not there")
	}
	const size = 100
	for b.Loop() {
		s := newBenched(b)
		s.queue(size, "true")
		out := filepath.Join(s.dir, "calls")
		s.config("settle_time = 0.05\n")
		cmd := exec.Command(strace, "-f", "-c", "-U", "name,calls", "-o", out, filepath.Join(s.dir, "qmserver"), "-drain")
		cmd.Dir = s.dir
		if text, err := cmd.CombinedOutput(); err != nil {
			b.Skipf("strace may not trace here: %s", text)
		}
		data, err := os.ReadFile(out)
		if err != nil {
			b.Fatal(err)
		}
		calls := func(name string) float64 { return float64(callsOf(string(data), name)) / size }
		b.ReportMetric(calls("total"), "calls/job")
		b.ReportMetric(calls("fsync")+calls("fdatasync"), "syncs/job")
		b.ReportMetric(calls(`rename\w*`), "renames/job")
	}
}

// callsOf reads strace's table.
func callsOf(table, name string) (calls int) {
	for _, m := range regexp.MustCompile(`(?m)^ *(\w+) +(\d+) *$`).FindAllStringSubmatch(table, -1) {
		if regexp.MustCompile("^" + name + "$").MatchString(m[1]) {
			n, _ := strconv.Atoi(m[2])
			calls += n
		}
	}
	return calls
}

// statLoop is the least that a program in Go does that looks at one thing each
// second. It ends with the benchmark.
func statLoop(b *testing.B, path string) (pid int) {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), twinVar+"=stat "+path)
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd.Process.Pid
}

func statForEver(path string) {
	runtime.GOMAXPROCS(benchSlots)
	for {
		var st syscall.Stat_t
		_ = syscall.Stat(path, &st)
		time.Sleep(time.Second)
	}
}
