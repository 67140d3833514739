package spool

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"qm/cmd/qmserver/internal/topology"
	"qm/pkg/layout"
)

// newSharing is a server that pins its jobs to the processors of this machine.
func newSharing(t *testing.T) *server {
	s := newServer(t)
	here := topology.NewMachine()
	s.opt.Affinity, s.opt.CPUs = true, here.Allowed
	s.opt.Slots = len(here.Allowed())
	if s.opt.Slots < 2 {
		t.Skip("one processor can't be shared out")
	}
	return s
}

// TestWhatAJobSeesOfTheMachine: all that programs ask agrees with nb_proc.
func TestWhatAJobSeesOfTheMachine(t *testing.T) {
	s := newSharing(t)
	t.Setenv("CUDA_VISIBLE_DEVICES", "7")
	s.opt.GPUs = []string{"0", "1"}
	ask := `script = echo nproc=$(env -u OMP_NUM_THREADS nproc) OMP=$OMP_NUM_THREADS GOMAXPROCS=$GOMAXPROCS NB=$NB_PROC GPU="[$CUDA_VISIBLE_DEVICES]"`
	if _, err := exec.LookPath("python3"); err == nil {
		ask += `; python3 -c "import os; print('python', len(os.sched_getaffinity(0)))"`
	}
	s.put(layout.Queued, "one", ask+"\nnb_gpu = 1")
	s.put(layout.Queued, "two", ask+"\nnb_proc = 2")
	s.drain()
	for name, n := range map[string]int{"one": 1, "two": 2} {
		log := s.read(layout.Done, name, layout.JobLog)
		gpu := map[string]string{"one": "[0]", "two": "[]"}[name]
		if want := fmt.Sprintf("\nnproc=%d OMP=%d GOMAXPROCS=%d NB=%d GPU=%s\n", n, n, n, n, gpu); !strings.Contains(log, want) {
			t.Errorf("%s: no %q in\n%s", name, want, log)
		}
		if strings.Contains(log, "python") && !strings.Contains(log, fmt.Sprintf("\npython %d\n", n)) {
			t.Errorf("%s: Python sees something else:\n%s", name, log)
		}
		if rec := s.record(layout.Done, name); len(rec.CPUs) != n || name == "one" && !slices.Equal(rec.GPUs, []string{"0"}) {
			t.Errorf("%s: record %+v", name, rec)
		}
	}
}

// alone is a job that fails if another has one of its processors or its GPU.
const alone = `script = for x in $(taskset -cp $$ | sed 's/.*: //; s/,/ /g') gpu$CUDA_VISIBLE_DEVICES; do mkdir ../../on-$x || exit 1; done; sleep 0.02; for x in $(taskset -cp $$ | sed 's/.*: //; s/,/ /g') gpu$CUDA_VISIBLE_DEVICES; do rmdir ../../on-$x; done`

// TestNoTwoShareAProcessor in many starts, nor a GPU.
func TestNoTwoShareAProcessor(t *testing.T) {
	if _, err := exec.LookPath("taskset"); err != nil {
		t.Skip("there is no taskset")
	}
	s := newSharing(t)
	s.opt.GPUs = []string{"0", "1", "2", "3"}
	s.opt.Slots = 2
	for i := range 60 {
		s.put(layout.Queued, fmt.Sprint("job", i), alone+"\nnb_gpu = 1")
	}
	if r := s.drain(); r.Failed > 0 {
		logs, _ := filepath.Glob(filepath.Join(s.tree.Folder(layout.Done), "*", layout.JobLog))
		for _, log := range logs {
			if text, _ := os.ReadFile(log); !strings.Contains(string(text), "with code 0") {
				t.Fatalf("%d failed, such as\n%s", r.Failed, text)
			}
		}
	}
}

// TestAdoptedJobsKeepTheirShare: after a restart others get what is left, and
// a job that needs a GPU waits for one while others go on.
func TestAdoptedJobsKeepTheirShare(t *testing.T) {
	s := newSharing(t)
	s.opt.Slots, s.opt.GPUs = 2, []string{"3"}
	s.opt.CPUs = func() []topology.CPU { return topology.NewMachine().Allowed()[:2] }
	s.start()
	s.put(layout.Queued, "old", "script = until [ -e ../../go ]; do sleep 0.02; done\nnb_gpu = 1")
	s.await("it runs", func() bool { return s.where("old") == "running" })
	s.await("it has told what it has", func() bool { return strings.Contains(s.tell("QM_Jobs/old/.qm/run.json"), `"cpus"`) })
	s.end()
	s.start()
	s.put(layout.Queued, "gpu", "script = true\nnb_gpu = 1")
	s.await("the other waits for the GPU", func() bool {
		q := s.queue()
		return len(q.Jobs) == 1 && q.Jobs[0].Reason == "needs 1 GPU and 0 of 1 are free"
	})
	s.put(layout.Queued, "new", "script = true")
	s.await("one without passes", func() bool { return s.where("new") == "done" })
	old, fresh := s.record(layout.Running, "old"), s.record(layout.Done, "new")
	if len(old.CPUs) != 1 || len(fresh.CPUs) != 1 || old.CPUs[0] == fresh.CPUs[0] {
		t.Errorf("the old one has %v, the new one %v", old.CPUs, fresh.CPUs)
	}
	s.touch("go")
	s.await("all are done", func() bool { return s.where("gpu") == "done" && s.where("old") == "done" })
	s.end()
}

// TestLimits: a job that takes more memory, or writes more into its log, than it
// may is stopped and told; others are left alone.
func TestLimits(t *testing.T) {
	s := newServer(t)
	s.opt.Memory = 1 << 40
	s.opt.Grace = 0
	const take = "script = head -c %dM /dev/zero | tail | sleep 20\n"
	s.put(layout.Queued, "memory", fmt.Sprintf(take, 400)+"memory = 100M")
	s.put(layout.Queued, "log", "script = trap '' TERM; yes\nmax_log = 1M")
	s.put(layout.Queued, "fine", "script = head -c 50M /dev/zero | tail -c 1 | wc -c; sleep 0.6\nmemory = 300M\nmax_log = 1M")
	s.drain()
	for name, reason := range map[string]string{"memory": "memory: used ", "log": "max_log: its log has "} {
		rec := s.record(layout.Done, name)
		if *rec.Outcome != layout.Stopped || rec.Reason == nil || !strings.HasPrefix(*rec.Reason, reason) {
			t.Errorf("%s: record %+v", name, rec)
		}
		if log := s.logEnd(name); !strings.Contains(log, reason) {
			t.Errorf("%s: log ends\n%s", name, log)
		}
	}
	if rec := s.record(layout.Done, "memory"); rec.PeakMemoryBytes == nil || *rec.PeakMemoryBytes < 100<<20 {
		t.Errorf("its record tells of %v bytes", rec.PeakMemoryBytes)
	}
	if rec := s.record(layout.Done, "fine"); *rec.Outcome != layout.Succeeded {
		t.Errorf("one within its limits: %+v", rec)
	}
}

// logEnd is the last of a log that may be long.
func (s *server) logEnd(name string) string {
	log := s.read(layout.Done, name, layout.JobLog)
	return log[max(0, len(log)-2000):]
}
