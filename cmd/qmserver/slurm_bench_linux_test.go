package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"qm/cmd/qmserver/internal/patient"
	"qm/pkg/layout"
)

// slurmBenchJobs is how many jobs are run per round.
const slurmBenchJobs = 200

// BenchmarkSlurm runs jobs of `true` on a real Slurm of two nodes, given to it by
// a loop of sbatch and then by the server, and prints how long each takes, from
// the first that may start to the last that has ended, and their ratio; and what
// processor time QM, and what the loop, spends on a job beside Slurm's daemons.
// It is for -benchtime 1x.
func BenchmarkSlurm(b *testing.B) {
	bed := newBed(b, 4)
	dir := b.TempDir()
	program := filepath.Join(dir, "qmserver")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		b.Fatalf("%s: %v", out, err)
	}
	var bare, ours, bareCPU, ourCPU time.Duration
	for b.Loop() {
		took, cpu := bareLoop(b, bed)
		bare, bareCPU = bare+took, bareCPU+cpu
		took, cpu = serveQueue(b, program, filepath.Join(dir, fmt.Sprint(b.N)))
		ours, ourCPU = ours+took, ourCPU+cpu
	}
	jobs := float64(b.N * slurmBenchJobs)
	b.ReportMetric(jobs/bare.Seconds(), "sbatch-jobs/s")
	b.ReportMetric(jobs/ours.Seconds(), "qm-jobs/s")
	b.ReportMetric(ours.Seconds()/bare.Seconds(), "qm/sbatch")
	b.ReportMetric(bareCPU.Seconds()*1000/jobs, "sbatch-CPU-ms/job")
	b.ReportMetric(ourCPU.Seconds()*1000/jobs, "qm-CPU-ms/job")
	b.ReportMetric(0, "ns/op")
}

// bareLoop gives jobs to Slurm as people do, and waits until none is left.
func bareLoop(b *testing.B, bed *bed) (took, cpu time.Duration) {
	b.Helper()
	before, begin := cpuOfChildren(b), time.Now()
	for range slurmBenchJobs {
		if out, err := exec.Command("sbatch", "--output=/dev/null", "--chdir=/", "--wrap=true").CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
	}
	cpu = cpuOfChildren(b) - before
	patient.Until(b, "Slurm is idle", func() bool {
		out, err := bed.slurm("squeue", "--me", "--noheader")
		return err == nil && strings.TrimSpace(out) == ""
	}, bed.logs)
	return time.Since(begin), cpu
}

// serveQueue lets the server run a queue of as many jobs, which lie there whole
// and wait for the file PAUSE to go.
func serveQueue(b *testing.B, program, dir string) (took, cpu time.Duration) {
	b.Helper()
	tree := layout.Tree(filepath.Join(dir, "QM"))
	for i := range slurmBenchJobs {
		job := tree.Job(layout.Queued, fmt.Sprint("job", i))
		if err := os.MkdirAll(job, 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(job, "proc_config.cfg"), []byte("[QMOptions]\nscript = true\n"), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	pause := filepath.Join(tree.Folder(layout.Queued), "PAUSE")
	cfg := filepath.Join(dir, "QMserv.cfg")
	for file, text := range map[string]string{pause: "", cfg: "[QMServer]\nlaunch_type = slurm\nsettle_time = 0.05\n"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	server := exec.Command(program, "-config", cfg)
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	patient.Until(b, "the queue is read", func() bool {
		data, err := os.ReadFile(tree.Path(layout.QueueFile))
		if err != nil {
			return false
		}
		q, err := layout.ParseQueue(data)
		return err == nil && q.Waiting == slurmBenchJobs
	})
	begin := time.Now()
	if err := os.Remove(pause); err != nil {
		b.Fatal(err)
	}
	patient.Until(b, "all are done", func() bool {
		done, err := os.ReadDir(tree.Folder(layout.Done))
		return err == nil && len(done) == slurmBenchJobs
	})
	took = time.Since(begin)
	_ = server.Process.Signal(syscall.SIGTERM)
	_ = server.Wait()
	return took, server.ProcessState.UserTime() + server.ProcessState.SystemTime()
}
