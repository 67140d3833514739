//go:build unix

package launch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/patient"
	"qm/cmd/qmserver/internal/runfile"
	"qm/cmd/qmserver/internal/supervise"
	"qm/pkg/layout"
)

// TestAnswerLost: Slurm has the job and sbatch does not say so.
func TestAnswerLost(t *testing.T) {
	c := newCluster(t)
	c.say("sbatch", "lost")
	job := c.start("a", once)
	c.words(job, "given to Slurm, which has not answered: Socket timed out")
	c.words(job, "running on node1, Slurm job 1")
	c.letGo("a")
	c.ends(job, layout.Failed, "code 3")
	c.ranOnce("a")
	if n := c.jobs(); n != 1 {
		t.Errorf("Slurm was given %d jobs", n)
	}
}

// TestNeverGiven: sbatch has not reached Slurm; it is asked once more.
func TestNeverGiven(t *testing.T) {
	c := newCluster(t)
	c.say("sbatch", "down")
	job := c.start("a", once)
	c.words(job, "given to Slurm, which has not answered: Unable to contact")
	c.words(job, "running on node1, Slurm job 1")
	c.letGo("a")
	c.ends(job, layout.Failed, "code 3")
	c.ranOnce("a")
}

// TestTwins: the answer is lost, and the job too for a while, so it is given to
// Slurm twice.
func TestTwins(t *testing.T) {
	c := newCluster(t)
	c.hold(true)
	c.say("squeue", "empty")
	c.say("sbatch", "lost")
	job := c.start("a", once)
	c.awaitJobs(2)
	c.unsay("squeue")
	c.begin(2)
	c.awaitIn("a", "runs")
	c.begin(1)
	patient.Until(t, "the first is refused", func() bool { return strings.Contains(c.in("a", layout.JobLog), "QM: not run by Slurm job 1 on node1") })
	c.letGo("a")
	c.ends(job, layout.Failed, "code 3")
	c.ranOnce("a")
}

// TestBegunTwice: Slurm begins a job once more that runs.
func TestBegunTwice(t *testing.T) {
	c := newCluster(t)
	job := c.start("a", once)
	c.awaitIn("a", "runs")
	c.begin(1)
	patient.Until(t, "it is refused", func() bool {
		return strings.Contains(c.in("a", layout.JobLog), "this run began already: job=1 node=node1")
	})
	c.letGo("a")
	c.ends(job, layout.Failed, "code 3")
	c.ranOnce("a")
}

// TestSilence: that Slurm does not answer says nothing about any job.
func TestSilence(t *testing.T) {
	c := newCluster(t)
	job := c.start("a", once)
	other := c.start("b", once)
	c.awaitIn("a", "runs")
	c.awaitIn("b", "runs")
	c.say("squeue", "down")
	c.contact(false)
	late := c.start("late", "echo x >>runs")
	c.letGo("a")
	c.ends(job, layout.Failed, "code 3") // the folder tells
	c.words(late, "about to be given to Slurm")
	c.unsay("squeue")
	c.contact(true)
	c.ends(late, layout.Succeeded, "code 0")
	c.say("squeue", "empty") // is an answer, and wrong
	c.letGo("b")
	c.ends(other, layout.Failed, "code 3")
}

// TestForgotten: Slurm knows nothing of a job any more that has begun.
func TestForgotten(t *testing.T) {
	c := newCluster(t)
	job := c.start("a", once)
	c.awaitIn("a", "runs")
	c.say("squeue", "empty")
	if e := c.ends(job, layout.Interrupted, "unknown"); !e.Stay || !strings.Contains(e.Ended.Reason, "Slurm does not know it any more") {
		t.Errorf("%+v", e)
	}
	if log := c.in("a", layout.JobLog); !strings.Contains(log, "QM: Slurm does not know it any more") || !strings.HasSuffix(log, "with an unknown exit status\n") {
		t.Errorf("log\n%s", log)
	}
	c.letGo("a")
}

// TestNodeLost: it is not run again unasked, since it may go on there.
func TestNodeLost(t *testing.T) {
	c := newCluster(t)
	job := c.start("a", once, func(j *supervise.Job) { j.Rerun = true })
	c.awaitIn("a", "runs")
	c.state(1, "NODE_FAIL")
	if e := c.ends(job, layout.Interrupted, "unknown"); !e.Stay || !strings.HasPrefix(e.Ended.Reason, "lost with node1: ") {
		t.Errorf("%+v", e)
	}
	for _, run := range c.slurm.Runs().Files {
		if line := run.Last[job.Identity]; line.Rerun {
			t.Errorf("the next server would run it again: %+v", line)
		}
	}
	c.letGo("a")
}

// TestStatusComesLate: the folder of a job is on a file system that remembers.
func TestStatusComesLate(t *testing.T) {
	c := newCluster(t)
	job := c.start("a", once)
	c.awaitIn("a", "runs")
	c.state(1, "COMPLETED")
	c.words(job, "ended on node1, its exit status is waited for")
	c.letGo("a")
	c.ends(job, layout.Failed, "code 3")
}

func TestRefusedBySlurm(t *testing.T) {
	c := newCluster(t)
	c.say("sbatch", "refuse Requested node configuration is not available")
	never := c.start("never", "x")
	if e := c.end(never); e.Ended.NotRun != "Slurm says: Requested node configuration is not available" || e.Ended.Passing {
		t.Errorf("%+v", e)
	}
	c.say("sbatch", "refuse Resource temporarily unavailable")
	later := c.start("later", "x")
	if e := c.end(later); !e.Ended.Passing || !strings.Contains(e.Ended.NotRun, "temporarily") {
		t.Errorf("%+v", e)
	}
	for _, run := range c.slurm.Runs().Files {
		for id, line := range run.Last {
			if line.Event != runfile.Released {
				t.Errorf("%v: %+v", id, line)
			}
		}
	}
}

// TestStops: each way to stop a job, one that waits in Slurm and one that runs.
func TestStops(t *testing.T) {
	c := newCluster(t)
	for name, stop := range map[string]struct {
		how    func(supervise.Job, string)
		reason string
	}{
		"file": {func(_ supervise.Job, name string) {
			c.write(filepath.Join(c.tree.Job(layout.Running, name), "stop.txt"), "")
		},
			"a file named stop.txt was put into its folder"},
		"operator": {func(j supervise.Job, _ string) { _ = c.slurm.Stop(j.Identity) }, supervise.ByOperator},
		"away": {func(_ supervise.Job, name string) {
			if err := os.Rename(c.tree.Job(layout.Running, name), c.tree.Path(name)); err != nil {
				t.Error(err)
			}
		}, "its folder was taken out of QM_Jobs"},
		"log": {func(_ supervise.Job, name string) {
			c.write(filepath.Join(c.tree.Job(layout.Running, name), layout.JobLog), strings.Repeat("x\n", 1<<20))
		}, "max_log: its log has 2.0 MB of 1.0 MB"},
	} {
		runs := c.start(name+" runs", once, func(j *supervise.Job) { j.MaxLog = 1 << 20 })
		c.awaitIn(name+" runs", "runs")
		stop.how(runs, name+" runs")
		if e := c.ends(runs, layout.Stopped, "signal 15"); e.Ended.Reason != stop.reason {
			t.Errorf("%q, want %q", e.Ended.Reason, stop.reason)
		}
		c.hold(true)
		waits := c.start(name+" waits", once, func(j *supervise.Job) { j.MaxLog = 1 << 20 })
		c.awaitJobs(c.jobs())
		c.words(waits, "waiting in Slurm")
		stop.how(waits, name+" waits")
		if e := c.ends(waits, layout.Stopped, "unknown"); e.Ended.Reason != stop.reason+", before it began" {
			t.Errorf("%q, want %q", e.Ended.Reason, stop.reason)
		}
		c.hold(false)
	}
}

// TestDeleted: the folder of a job is removed, while that waits and while it runs.
func TestDeleted(t *testing.T) {
	c := newCluster(t)
	runs := c.start("runs", "echo x >>runs; sleep 600")
	c.awaitIn("runs", "runs")
	c.hold(true)
	waits := c.start("waits", once)
	c.words(waits, "waiting in Slurm")
	for _, name := range []string{"runs", "waits"} {
		if err := os.RemoveAll(c.tree.Job(layout.Running, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, job := range []supervise.Job{runs, waits} {
		if e := c.end(job); e.Ended.Outcome != layout.Stopped || !strings.HasPrefix(e.Ended.Reason, "its folder was taken out of QM_Jobs") {
			t.Errorf("%+v", e)
		}
	}
	patient.Until(t, "nothing of it runs", func() bool { _, err := os.Stat(filepath.Join(c.dir, "jobs/1/exit")); return err == nil })
}

// TestStopOfOld: a file STOP that lay there before the start asked an earlier run
// to stop.
func TestStopOfOld(t *testing.T) {
	c := newCluster(t)
	job := c.start("a", once, func(*supervise.Job) { c.write(c.tree.Job(layout.Running, "a/STOP"), "") })
	c.awaitIn("a", "runs")
	c.reopen(func() {})
	c.words(job, "running on node1")
	c.letGo("a")
	c.ends(job, layout.Failed, "code 3")
	if log := c.in("a", layout.JobLog); !strings.Contains(log, "QM: a file named STOP lay in the folder before the start and is ignored\n") {
		t.Errorf("log\n%s", log)
	}
}

// TestCancelledInSlurm: somebody else ends it.
func TestCancelledInSlurm(t *testing.T) {
	c := newCluster(t)
	job := c.start("a", once)
	c.awaitIn("a", "runs")
	if err := c.slurm.client.Cancel(t.Context(), []string{"1"}); err != nil {
		t.Fatal(err)
	}
	if e := c.ends(job, layout.Stopped, "signal 15"); e.Ended.Reason != "cancelled in Slurm (scancel)" {
		t.Errorf("%+v", e)
	}
}

// TestStoppedUnknown: what may have been given to Slurm is stopped, so that it
// never begins.
func TestStoppedUnknown(t *testing.T) {
	c := newCluster(t)
	c.hold(true)
	c.say("squeue", "empty")
	c.say("sbatch", "lost")
	job := c.start("a", once)
	c.words(job, "which has not answered")
	c.write(filepath.Join(c.tree.Job(layout.Running, "a"), "STOP"), "")
	c.ends(job, layout.Stopped, "unknown")
	c.begin(1)
	patient.Until(t, "Slurm's job has ended", func() bool {
		data, _ := os.ReadFile(filepath.Join(c.dir, "jobs/1/exit"))
		return strings.HasPrefix(string(data), "120:")
	})
	if _, err := os.Stat(filepath.Join(c.tree.Job(layout.Running, "a"), "runs")); err == nil {
		t.Error("it has run")
	}
}

// TestNextServer follows what an earlier one has begun, wherever that was.
func TestNextServer(t *testing.T) {
	for name, test := range map[string]func(c *cluster, job supervise.Job){
		"while it runs": func(c *cluster, job supervise.Job) {
			c.awaitIn("a", "runs")
			c.reopen(func() {})
			c.words(job, "running on node1")
			c.letGo("a")
		},
		"it ends meanwhile": func(c *cluster, _ supervise.Job) {
			c.awaitIn("a", "runs")
			c.reopen(func() {
				c.letGo("a")
				patient.Until(c, "it has ended", func() bool { data, _ := os.ReadFile(filepath.Join(c.dir, "jobs/1/exit")); return len(data) > 0 })
			})
		},
		"and Slurm has forgotten it": func(c *cluster, _ supervise.Job) {
			c.awaitIn("a", "runs")
			c.reopen(func() {
				c.say("squeue", "empty")
				c.letGo("a")
				patient.Until(c, "it has ended", func() bool { data, _ := os.ReadFile(filepath.Join(c.dir, "jobs/1/exit")); return len(data) > 0 })
			})
		},
		"its order is gone": func(c *cluster, _ supervise.Job) {
			c.awaitIn("a", layout.RecordFile)
			c.reopen(func() {
				orders, _ := filepath.Glob(c.tree.Job(layout.Running, "a/.qm/slurm-*/submit"))
				if len(orders) != 1 || os.Remove(orders[0]) != nil {
					c.Errorf("orders %q", orders)
				}
			})
			c.letGo("a")
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			job := c.start("a", once)
			test(c, job)
			c.ends(job, layout.Failed, "code 3")
			c.ranOnce("a")
			if log := c.in("a", layout.JobLog); strings.Count(log, "Job finished at: ") != 1 {
				t.Errorf("log\n%s", log)
			}
			if r, err := layout.ParseRecord([]byte(c.in("a", layout.RecordFile))); err != nil || *r.Script != once || r.Started == nil || *r.ExitCode != 3 {
				t.Errorf("record %+v, %v", r, err)
			}
		})
	}
}

// TestNextServerRunsJobsHere: the launch_type is another one by now, and what
// Slurm has is followed to its end.
func TestNextServerRunsJobsHere(t *testing.T) {
	c := newCluster(t)
	job := c.start("a", once)
	c.awaitIn("a", "runs")
	if !HasRuns(c.slurm.Runs()) {
		t.Error("it is not known that Slurm has jobs")
	}
	c.here = true
	c.reopen(func() {})
	c.words(job, "running on node1")
	c.letGo("a")
	c.ends(job, layout.Failed, "code 3")
	c.ranOnce("a")
	if HasRuns(c.slurm.Runs()) {
		t.Error("Slurm still has jobs")
	}
}

// TestNextServerGivesAgain what the earlier one had not come to give to Slurm.
func TestNextServerGivesAgain(t *testing.T) {
	c := newCluster(t)
	c.say("squeue", "down")
	c.contact(false)
	job := c.start("a", once)
	c.words(job, "about to be given to Slurm")
	c.reopen(func() { c.unsay("squeue") })
	c.awaitIn("a", "runs")
	c.letGo("a")
	c.ends(job, layout.Failed, "code 3")
	c.ranOnce("a")
}

// TestTakenAwayMeanwhile: the folder of a run was dragged away while no server
// was there.
func TestTakenAwayMeanwhile(t *testing.T) {
	c := newCluster(t)
	job := c.start("a", once)
	c.awaitIn("a", "runs")
	c.reopen(func() {
		if err := os.Rename(c.tree.Job(layout.Running, "a"), c.tree.Path("elsewhere")); err != nil {
			t.Fatal(err)
		}
	})
	if e := c.ends(job, layout.Stopped, "code 143"); e.Ended.Reason != "its folder was taken out of QM_Jobs" {
		t.Errorf("%+v", e)
	}
	if data, _ := os.ReadFile(filepath.Join(c.dir, "jobs/1/state")); string(data) != "CANCELLED\n" {
		t.Errorf("Slurm's job is %s", data)
	}
}

// TestRunFileTakenAway: it is written anew; and where no server was there to do
// that, the job's folder waits for what Slurm says.
func TestRunFileTakenAway(t *testing.T) {
	c := newCluster(t)
	job := c.start("a", once)
	c.awaitIn("a", "runs")
	away := func() {
		for _, run := range c.slurm.Runs().Files {
			if err := os.Remove(filepath.Join(c.tree.Path(layout.RunDir), run.Name)); err != nil {
				t.Error(err)
			}
		}
	}
	away()
	patient.Until(t, "another run file tells of it", func() bool {
		for _, run := range c.slurm.Runs().Files {
			if run.Last[job.Identity].Event == runfile.Starting {
				return true
			}
		}
		return false
	})
	c.close()
	log := c.log.String()
	c.open()
	away2, _ := filepath.Glob(c.tree.Path(layout.RunDir) + "/slurm-*")
	for _, f := range away2 {
		if err := os.Remove(f); err != nil {
			t.Error(err)
		}
	}
	patient.Until(t, "Slurm's job is known", func() bool {
		strays := c.slurm.Strays(c.slurm.Runs())
		return len(strays) == 1 && strays[0].Process == "Slurm job 1" && strays[0].MayRun(7)
	}, func() string { return log })
	if c.slurm.Runs().Whole(0) {
		t.Error("that a run file is missing is not noted")
	}
	c.letGo("a")
	patient.Until(t, "Slurm's job has ended", func() bool { return len(c.slurm.Strays(c.slurm.Runs())) == 0 })
}

// TestEvil: what lies in a job's folder hurts nobody but the job.
func TestEvil(t *testing.T) {
	c := newCluster(t)
	job := c.start("a", "true", func(*supervise.Job) {
		if err := os.Mkdir(c.tree.Job(layout.Running, "a/"+layout.JobLog), 0o755); err != nil {
			t.Error(err)
		}
	})
	if e := c.end(job); !strings.HasPrefix(e.Ended.NotRun, "process.log in its folder is not a regular file") {
		t.Errorf("%+v", e)
	}
	gone := c.start("gone", "true", func(j *supervise.Job) { j.Identity = disk.Identity{Inode: 1} })
	if e := c.end(gone); e.Ended.NotRun == "" || !e.Ended.Passing {
		t.Errorf("%+v", e)
	}
	forged := c.start("forged", `d=$(echo .qm/slurm-*); echo x >"$d/.s" && mv "$d/.s" "$d/status"; echo "job=../../x node= at=x" >"$d/refused"; mkdir "$d/.claim"; exit 4`)
	c.ends(forged, layout.Failed, "code 4")
}
