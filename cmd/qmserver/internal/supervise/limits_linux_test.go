package supervise

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"qm/pkg/layout"
)

// record reads what stands in the job's folder.
func (p *process) record(name string) *layout.Record {
	p.t.Helper()
	data, err := os.ReadFile(p.path(name, layout.RecordFile))
	if err != nil {
		p.t.Fatal(err)
	}
	r, err := layout.ParseRecord(data)
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

// allowed are the processors that this test may use.
func allowed(t *testing.T) []int {
	t.Helper()
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		t.Fatal(err)
	}
	var all []int
	for id := range 1024 {
		if set.IsSet(id) {
			all = append(all, id)
		}
	}
	return all
}

const allowedList = "sed -n 's/^Cpus_allowed_list:[[:space:]]*/allowed /p' /proc/self/status"

// TestPinned: each job anew, under one supervisor; what can't be had is told,
// and the job starts all the same.
func TestPinned(t *testing.T) {
	cpus := allowed(t)
	if len(cpus) < 2 {
		t.Skip("needs two processors")
	}
	p := newProcess(t)
	run := func(name string, on ...int) string {
		j := p.job(name, allowedList+"; env -u OMP_NUM_THREADS nproc")
		j.CPUs = on
		p.do(j)
		return p.log(name)
	}
	free := run("free")
	before := free[strings.Index(free, "allowed "):strings.Index(free, "Job finished")]
	for _, cpu := range cpus[:2] {
		name := fmt.Sprint("on", cpu)
		log := run(name, cpu)
		for _, want := range []string{fmt.Sprintf("processors: 1 (%d)\n", cpu), fmt.Sprintf("\nallowed %d\n1\n", cpu)} {
			if !strings.Contains(log, want) {
				t.Errorf("no %q in\n%s", want, log)
			}
		}
		if r := p.record(name); !slices.Equal(r.CPUs, []int{cpu}) {
			t.Errorf("the record tells of %v", r.CPUs)
		}
	}
	j := p.job("unpinned", allowedList)
	j.Allowed = cpus[1:2]
	p.do(j)
	if log, want := p.log("unpinned"), fmt.Sprintf("processors: 1\nallowed %d\n", cpus[1]); !strings.Contains(log, want) {
		t.Errorf("no %q in\n%s", want, log)
	}
	if r := p.record("unpinned"); r.CPUs != nil {
		t.Errorf("the record tells of %v", r.CPUs)
	}
	if log := run("after"); !strings.Contains(log, "\n"+before) {
		t.Errorf("after a pinned job another sees\n%s\nand not\n%s", log, before)
	}
	for _, unknown := range []int{1023, 4096} { // more than there are, and than there can be
		name := fmt.Sprint("with", unknown)
		log := run(name, cpus[0], unknown)
		if !strings.Contains(log, "QM: it is not pinned to processors of its own: ") || !strings.Contains(log, "\n"+before) {
			t.Errorf("a processor that is not there:\n%s", log)
		}
		if r := p.record(name); r.CPUs != nil {
			t.Errorf("the record tells of %v", r.CPUs)
		}
	}
}

// TestGPUs: a job sees those that it was given and no others, where they are
// shared out.
func TestGPUs(t *testing.T) {
	p := newProcess(t, "CUDA_VISIBLE_DEVICES=7,8")
	for name, c := range map[string]struct {
		has  bool
		gpus []string
		want string
	}{
		"not shared out": {false, nil, "7,8"},
		"none":           {true, nil, ""},
		"two":            {true, []string{"0", "GPU-3"}, "0,GPU-3"},
	} {
		j := p.job(name, "env | grep CUDA")
		j.HasGPUs, j.GPUs = c.has, c.gpus
		p.do(j)
		if log := p.log(name); !strings.Contains(log, "\nCUDA_VISIBLE_DEVICES="+c.want+"\nJob finished") {
			t.Errorf("%s:\n%s", name, log)
		}
		if r := p.record(name); !slices.Equal(r.GPUs, c.gpus) {
			t.Errorf("%s: the record tells of %v", name, r.GPUs)
		}
	}
}

// TestMemory: what the processes of a job have together counts, what they share
// once; and what does not end by TERM is killed whatever its grace.
func TestMemory(t *testing.T) {
	const (
		mb    = 1 << 20
		limit = 200 * mb
		hold  = "(head -c %dM /dev/zero; echo; exec sleep 60) | tail -n 2 &\n"
	)
	p := newProcess(t)
	run := func(name, command string) Ended {
		j := p.job(name, command)
		j.Memory, j.Grace = limit, time.Hour
		deadline := time.AfterFunc(time.Minute, func() { _ = p.cmd.Process.Kill() })
		defer deadline.Stop()
		return p.do(j)
	}
	three := "trap '' TERM\n" + fmt.Sprintf(hold+hold+hold, 90, 90, 90) + "wait"
	a := run("together", three)
	if want := " of 200.0 MB"; a.Outcome != layout.Stopped || !strings.HasPrefix(a.Reason, "memory: used ") || !strings.HasSuffix(a.Reason, want) {
		t.Errorf("three that are too large together: %+v", a)
	}
	if peak := p.record("together").PeakMemoryBytes; peak == nil || *peak <= limit {
		t.Errorf("the record of those tells of %v bytes", peak)
	}
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("needs python3 for memory that is shared")
	}
	// Each has 150 MB, which are the same: before the fork, or shared for good.
	const shared = `python3 -c "
import glob, mmap, os, time
%s
for _ in range(3):
    if os.fork() == 0: break
open('shared%%d' %% os.getpid(), 'w')
while len(glob.glob('shared*')) < 4: time.sleep(.01)
time.sleep(1)
"`
	for name, memory := range map[string]string{
		"forked": "m = b'x' * (150 << 20)",
		"mapped": "m = mmap.mmap(-1, 150 << 20)\nfor i in range(0, 150 << 20, 4096): m[i] = 1",
	} {
		if a := run(name, fmt.Sprintf(shared, memory)); a.Outcome != layout.Succeeded {
			t.Errorf("%s: %+v\n%s", name, a, p.log(name))
		}
		if peak := p.record(name).PeakMemoryBytes; peak == nil || *peak < 150*mb || *peak > limit {
			t.Errorf("%s: the record tells of %v bytes", name, *peak)
		}
	}
}

// TestTheLengthOfTheLogCounts, and not what is kept ahead for it.
func TestTheLengthOfTheLogCounts(t *testing.T) {
	if _, err := exec.LookPath("fallocate"); err != nil {
		t.Skip("there is no fallocate")
	}
	p := newProcess(t)
	j := p.job("a", "fallocate -n -l 8M process.log || exit 77; sleep 1")
	j.MaxLog = 1 << 20
	a := p.do(j)
	if a.ExitCode != nil && *a.ExitCode == 77 {
		t.Skip("this file system keeps nothing ahead")
	}
	if a.Outcome != layout.Succeeded {
		t.Errorf("%+v", a)
	}
	if info, err := os.Stat(p.path("a", layout.JobLog)); err != nil || info.Size() > 1<<20 {
		t.Errorf("%v, %v", info, err)
	}
}
