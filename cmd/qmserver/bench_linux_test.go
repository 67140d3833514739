package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/folder"
	"qm/cmd/qmserver/internal/patient"
	"qm/cmd/qmserver/internal/runfile"
	"qm/cmd/qmserver/internal/supervise"
	"qm/pkg/layout"
)

// BenchmarkBareForkExec is what a job costs without anybody: fork, exec and
// wait for sh -c true.
func BenchmarkBareForkExec(b *testing.B) {
	cpu := cpuOfChildren(b)
	for b.Loop() {
		if err := exec.Command("/bin/sh", "-c", "true").Run(); err != nil {
			b.Fatal(err)
		}
	}
	report(b, cpuOfChildren(b)-cpu)
}

// BenchmarkSupervisedJob is the same under supervisors of the real program: with
// its two syncs of the run file, its log and its record. It also prints what
// private memory a supervisor has when it is idle after as many jobs as it does,
// and under a long job after those.
func BenchmarkSupervisedJob(b *testing.B) {
	program := filepath.Join(b.TempDir(), "qmserver")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		b.Fatalf("%s: %v", out, err)
	}
	other := startSupervisor(b, program) // whose code it shares
	other.run(b, other.job(b, "other"))
	s := startSupervisor(b, program)
	cpu, done, most := cpuOfChildren(b), 0, 0
	for b.Loop() {
		done++
		if worn := s.run(b, s.job(b, strconv.Itoa(done))); worn {
			most = max(most, s.private(b))
			s.end(b)
			s = startSupervisor(b, program)
		}
	}
	b.StopTimer()
	report(b, cpuOfChildren(b)+s.cpu(b)-cpu)
	worn := false
	for n := 0; !worn; n++ {
		worn = s.run(b, s.job(b, fmt.Sprint("more", n)))
	}
	b.ReportMetric(float64(max(most, s.private(b)))/1e6, "MB-private-idle")
	long := s.job(b, "long")
	long.Command = "touch begun; while [ ! -e go ]; do sleep 0.05; done"
	private := 0
	s.runWhile(b, long, func() {
		await(b, filepath.Join(s.dir, "long", "begun"))
		for begin := time.Now(); time.Since(begin) < 500*time.Millisecond; {
			private = max(private, s.private(b))
		}
		if err := os.WriteFile(filepath.Join(s.dir, "long", "go"), nil, 0o600); err != nil {
			b.Fatal(err)
		}
	})
	b.ReportMetric(float64(private)/1e6, "MB-private-long-job")
}

func await(b *testing.B, path string) {
	b.Helper()
	patient.Until(b, path+" is there", func() bool { _, err := os.Stat(path); return err == nil })
}

// BenchmarkFdatasync is an append of one line of a run file with its sync, of
// which each job has two.
func BenchmarkFdatasync(b *testing.B) {
	f, err := os.OpenFile(filepath.Join(b.TempDir(), "f"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	line := []byte(strings.Repeat("x", 150) + "\n")
	for b.Loop() {
		if err := disk.Append(f, line); err != nil {
			b.Fatal(err)
		}
	}
}

func report(b *testing.B, cpu time.Duration) {
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "jobs/s")
	b.ReportMetric(cpu.Seconds()*1000/float64(b.N), "CPU-ms/job")
}

func cpuOfChildren(b *testing.B) time.Duration {
	b.Helper()
	var ru syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &ru); err != nil {
		b.Fatal(err)
	}
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

// supervisorProcess is a supervisor at work for a benchmark.
type supervisorProcess struct {
	dir     string
	cmd     *exec.Cmd
	stdin   *json.Encoder
	pipe    io.Closer // of stdin
	answers *json.Decoder
}

func startSupervisor(b *testing.B, program string) *supervisorProcess {
	b.Helper()
	dir := b.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		b.Fatal(err)
	}
	defer root.Close()
	file, err := runfile.Create(root, "run")
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	cmd := exec.Command(program, supervise.Args(filepath.Join(dir, "run"))...)
	cmd.ExtraFiles = []*os.File{file.OS()}
	cmd.Env = supervise.Environ(os.Environ())
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	return &supervisorProcess{dir, cmd, json.NewEncoder(in), in, json.NewDecoder(bufio.NewReader(out))}
}

// end lets the supervisor go.
func (s *supervisorProcess) end(b *testing.B) {
	b.Helper()
	if err := errors.Join(s.pipe.Close(), s.cmd.Wait()); err != nil {
		b.Fatal(err)
	}
}

func (s *supervisorProcess) job(b *testing.B, name string) supervise.Job {
	b.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.Mkdir(path, 0o755); err != nil {
		b.Fatal(err)
	}
	f, err := disk.Lstat(path)
	if err != nil {
		b.Fatal(err)
	}
	return supervise.Job{
		Ref:     folder.Ref{Identity: f.Identity, Parent: s.dir, JobID: layout.ID(name)},
		Command: "true", NbProc: 1, Grace: time.Second,
	}
}

// run runs a job and tells whether the supervisor is worn by then.
func (s *supervisorProcess) run(b *testing.B, j supervise.Job) bool {
	b.Helper()
	return s.runWhile(b, j, func() {})
}

func (s *supervisorProcess) runWhile(b *testing.B, j supervise.Job, do func()) bool {
	b.Helper()
	if err := s.stdin.Encode(supervise.Task{Run: &j}); err != nil {
		b.Fatal(err)
	}
	do()
	var a supervise.Answer
	for a.Run == nil {
		a = supervise.Answer{}
		if err := s.answers.Decode(&a); err != nil || a.Run != nil && a.Run.Outcome != layout.Succeeded {
			b.Fatalf("%+v, %v", a, err)
		}
	}
	return a.Worn
}

// cpu is what the supervisor and its jobs have used: proc_pid_stat(5), fields
// 14 to 17, in ticks of 10 ms.
func (s *supervisorProcess) cpu(b *testing.B) time.Duration {
	b.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	fields := strings.Fields(rest)
	var ticks int
	for _, f := range fields[11:15] {
		n, err := strconv.Atoi(f)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// private is the memory that the supervisor shares with nobody, in bytes.
func (s *supervisorProcess) private(b *testing.B) int {
	b.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", s.cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	total := 0
	for line := range strings.Lines(string(data)) {
		var kb int
		if strings.HasPrefix(line, "Private_Clean:") || strings.HasPrefix(line, "Private_Dirty:") {
			if _, err := fmt.Sscanf(strings.Fields(line)[1], "%d", &kb); err != nil {
				b.Fatal(err)
			}
			total += kb << 10
		}
	}
	return total
}
