package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"qm/pkg/layout"
)

// onBed is a server whose jobs a real Slurm runs.
type onBed struct {
	*live
	bed *bed
}

func newOnBed(t *testing.T, processors int) *onBed {
	t.Helper()
	b := newBed(t, processors)
	l := newTree(t)
	l.write("QMserv.cfg", "[QMServer]\nlaunch_type = slurm\nslurm_poll_interval = 0.5\nsettle_time = 0.05\npoll_interval = 0.05\n")
	l.start()
	t.Cleanup(l.kill)
	return &onBed{l, b}
}

// put has a job come into the queue, whole.
func (o *onBed) put(name, cfg string, files ...string) {
	o.t.Helper()
	for i := 0; i < len(files); i += 2 {
		o.write(filepath.Join("aside", name, files[i]), files[i+1])
	}
	if cfg != "" {
		o.write(filepath.Join("aside", name, "proc_config.cfg"), "[QMOptions]\n"+cfg+"\n")
	}
	o.write(filepath.Join("aside", name, "id"), name)
	if err := os.Rename(filepath.Join(o.dir, "aside", name), o.tree.Job(layout.Queued, name)); err != nil {
		o.t.Fatal(err)
	}
}

// ends waits for the end of a job, and tells if that is another one.
func (o *onBed) ends(name string, outcome layout.Outcome, status string) found {
	o.t.Helper()
	var at found
	o.await(name+" ends", func() bool {
		all := o.jobs()[name]
		if len(all) == 1 {
			at = all[0]
		}
		return len(all) == 1 && (at.state == layout.Done || at.state == layout.Lost)
	})
	if at.record == nil {
		o.t.Fatalf("%s has no record, and the log\n%s", name, at.log)
	}
	got := "unknown"
	switch {
	case at.record.Signal != nil:
		got = fmt.Sprint("signal ", *at.record.Signal)
	case at.record.ExitCode != nil:
		got = fmt.Sprint("code ", *at.record.ExitCode)
	}
	if *at.record.Outcome != outcome || got != status {
		o.t.Errorf("%s: %s, %s, want %s, %s, log\n%s", name, *at.record.Outcome, got, outcome, status, at.log)
	}
	return at
}

// says waits until queue.json says this of a running job.
func (o *onBed) says(name, words string) layout.RunningJob {
	o.t.Helper()
	var job layout.RunningJob
	o.await(name+": "+words, func() bool {
		data, err := os.ReadFile(o.tree.Path(layout.QueueFile))
		var q layout.Queue
		if err != nil || json.Unmarshal(data, &q) != nil {
			return false
		}
		for _, r := range q.Running {
			if r.ID == layout.ID(name) && strings.Contains(r.Words, words) {
				job = r
				return true
			}
		}
		return false
	})
	return job
}

func (o *onBed) in(state layout.State, name, file string) string {
	o.t.Helper()
	data, err := os.ReadFile(filepath.Join(o.tree.Job(state, name), file))
	if err != nil {
		o.t.Error(err)
	}
	return string(data)
}

// TestSlurm shows on a real Slurm that a job ends as it does on one machine.
func TestSlurm(t *testing.T) {
	if testing.Short() {
		t.Skip("takes more than a minute: not with -short")
	}
	o := newOnBed(t, 2)
	// Slurm looks at time limits each half minute, so it comes first; and its
	// operator lets a minute, the shortest limit, pass at once.
	o.put("long", "script = echo begun; sleep 600\ntime_limit = 60s")
	long := o.says("long", "running on node")
	_, id, found := strings.Cut(long.Words, ", Slurm job ")
	if _, err := o.bed.slurm("scontrol", "update", "JobId="+id, "EndTime=now"); err != nil || !found || long.Started.IsZero() {
		t.Errorf("%+v: %v", long, err)
	}
	t.Run("classic", func(t *testing.T) { o.classic(t) })
	o.put("fails", "script = echo out; echo err >&2; exit 3")
	o.put("killed", "script = kill -9 $$")
	o.put("code 137", "script = exit 137")
	if at := o.ends("fails", layout.Failed, "code 3"); !strings.Contains(at.log, "\nout\nerr\nJob finished at: ") || !strings.HasSuffix(at.log, " with code 3\n") {
		t.Errorf("log\n%s", at.log)
	}
	o.ends("killed", layout.Failed, "signal 9")
	o.ends("code 137", layout.Failed, "code 137")
	o.cancelled()
	o.twoNodes()
	o.ownScript()
	o.refused()
	o.hung()
	at := o.ends("long", layout.TimedOut, "signal 15")
	if *at.record.Reason != "its time limit of 1m0s is over" || !strings.Contains(at.log, "DUE TO TIME LIMIT") || !strings.Contains(at.log, "QM: its time limit of 1m0s is over\nJob finished at: ") {
		t.Errorf("%s, log\n%s", *at.record.Reason, at.log)
	}
}

// classic is the example that comes with QM.
func (o *onBed) classic(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("skipped without python3: the example test_QM")
	}
	source := filepath.Join(moduleRootHere, "testdata/jobs/test_QM")
	if err := os.CopyFS(filepath.Join(o.dir, "aside/test_QM"), os.DirFS(source)); err != nil {
		t.Fatal(err)
	}
	o.put("test_QM", "")
	at := o.ends("test_QM", layout.Succeeded, "code 0")
	if !strings.Contains(at.log, "\nprocessing 50 / 50\n") || strings.Count(o.in(layout.Done, "test_QM", "results.txt"), "\n") != 50 {
		t.Errorf("log\n%s", at.log)
	}
	if *at.record.Host != "node1" && *at.record.Host != "node2" {
		t.Errorf("it ran on %s", *at.record.Host)
	}
}

// moduleRootHere is where go.mod lies, seen from this folder.
const moduleRootHere = "../.."

// cancelled: by a file STOP, in Slurm, and one that waits.
func (o *onBed) cancelled() {
	o.t.Helper()
	for _, name := range []string{"stopped", "scancelled"} {
		o.put(name, "script = echo begun; sleep 600")
		o.says(name, "running on node")
	}
	o.put("greedy", "script = true\nnb_proc = 2") // no node has that many free
	o.says("greedy", "waiting in Slurm: Resources")
	o.write(filepath.Join("QM", layout.Running.Folder(), "greedy", "STOP"), "")
	if at := o.ends("greedy", layout.Stopped, "unknown"); *at.record.Reason != "a file named STOP was put into its folder, before it began" || at.record.Started != nil {
		o.t.Errorf("%+v", at.record)
	}
	o.write(filepath.Join("QM", layout.Running.Folder(), "stopped", "STOP"), "")
	if at := o.ends("stopped", layout.Stopped, "signal 15"); !strings.Contains(at.log, "QM: stopped: a file named STOP was put into its folder\n") {
		o.t.Errorf("log\n%s", at.log)
	}
	if _, err := o.bed.slurm("scancel", "--name=qm-scancelled"); err != nil {
		o.t.Error(err)
	}
	if at := o.ends("scancelled", layout.Stopped, "signal 15"); *at.record.Reason != "cancelled in Slurm (scancel)" {
		o.t.Errorf("%+v", at.record)
	}
}

// twoNodes: each of two jobs waits for the other, so they run at the same time,
// each on the node that its script asks for.
func (o *onBed) twoNodes() {
	o.t.Helper()
	const meets = `#!/bin/sh
#SBATCH --nodelist=%s
touch here
until [ -e ../%[2]s/here ] || [ -e met ]; do sleep 0.05; done
touch ../%[2]s/met
echo "on $SLURMD_NODENAME"
`
	o.put("one", "", "job.sh", fmt.Sprintf(meets, "node1", "two"))
	o.put("two", "", "job.sh", fmt.Sprintf(meets, "node2", "one"))
	one, two := o.ends("one", layout.Succeeded, "code 0"), o.ends("two", layout.Succeeded, "code 0")
	if !strings.Contains(one.log, "\non node1\n") || !strings.Contains(two.log, "\non node2\n") || *one.record.Host != "node1" || *two.record.Host != "node2" {
		o.t.Errorf("logs\n%s%s", one.log, two.log)
	}
	if one.record.Started.After(*two.record.Finished) || two.record.Started.After(*one.record.Finished) {
		o.t.Errorf("not at the same time: %+v, %+v", one.record, two.record)
	}
}

// ownScript is a batch script as users of Slurm have it, unchanged.
func (o *onBed) ownScript() {
	o.t.Helper()
	o.put("batch", "", "job.sh", `#!/bin/bash
#SBATCH --job-name=mine
#SBATCH --output=slurm-%j.out
#SBATCH --ntasks=2 --nodelist=node2
#SBATCH -t 5

echo "tasks: $SLURM_NTASKS, on: $SLURM_JOB_NODELIST"
srun sh -c 'echo "task $SLURM_PROCID"'
scontrol show job $SLURM_JOB_ID
[[ $BASH_VERSION ]] && exit 4
`)
	at := o.ends("batch", layout.Failed, "code 4")
	for _, want := range []string{"\ntasks: 2, on: node2\n", "\ntask 0\n", "\ntask 1\n", "TimeLimit=00:05:00", "NumTasks=2"} {
		if !strings.Contains(at.log, want) {
			o.t.Errorf("%q is not in the log\n%s", want, at.log)
		}
	}
	if *at.record.Host != "node2" || *at.record.NbProc != 2 {
		o.t.Errorf("%+v", at.record)
	}
}

// refused: what no node can do, and what a script may not ask for.
func (o *onBed) refused() {
	o.t.Helper()
	o.put("huge", "script = true\nnb_proc = 3") // the two nodes have 2 each
	if at := o.ends("huge", layout.Rejected, "unknown"); at.state != layout.Lost || !strings.Contains(*at.record.Reason, "Requested node configuration is not available") {
		o.t.Errorf("%+v", at.record)
	}
	o.put("array", "", "job.sh", "#!/bin/sh\n#SBATCH --array=1-3\ntrue\n")
	if at := o.ends("array", layout.Rejected, "unknown"); !strings.Contains(*at.record.Reason, "--array") {
		o.t.Errorf("%+v", at.record)
	}
}

// hung: a controller that does not answer may take a job all the same.
func (o *onBed) hung() {
	o.t.Helper()
	controller := o.bed.daemons["slurmctld"].Process
	if err := controller.Signal(syscall.SIGSTOP); err != nil {
		o.t.Fatal(err)
	}
	o.put("hung", "script = echo x >>runs; echo out")
	o.awaitProblem()
	if err := controller.Signal(syscall.SIGCONT); err != nil {
		o.t.Fatal(err)
	}
	if at := o.ends("hung", layout.Succeeded, "code 0"); at.runs != "x\n" {
		o.t.Errorf("it has run %q", at.runs)
	}
}

// stormJobsOnBed is how many jobs must not be lost, nor run twice, whatever
// happens to Slurm and to the server.
const stormJobsOnBed = 40

// TestSlurmStorm: the controller, the server, both, munge and a node's daemon are
// killed while many jobs run.
func TestSlurmStorm(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute: not with -short")
	}
	o := newOnBed(t, 4)
	for i := range stormJobsOnBed {
		o.put(fmt.Sprint(i), fmt.Sprintf("script = echo x >>runs; sleep 0.%d; echo out; exit %d", i%10, i%5))
	}
	for _, blow := range []struct {
		what string
		hit  func()
	}{
		{"the controller is killed", func() { o.bed.kill("slurmctld"); o.bed.start("slurmctld") }},
		{"the server is killed", func() { o.kill(); o.start() }},
		{"both are", func() { o.bed.kill("slurmctld"); o.kill(); o.start(); o.bed.start("slurmctld") }},
		{"munge is away", func() { o.bed.kill("munged"); o.awaitProblem(); o.bed.start("munged") }},
		{"a node's daemon is killed", func() { o.bed.kill("node1"); o.awaitOver(5); o.bed.start("node1") }},
	} {
		o.awaitOver(4)
		t.Log(blow.what, o.over())
		blow.hit()
	}
	for o.over() < stormJobsOnBed {
		o.awaitOver(1) // Slurm itself may take a minute to see what has ended
	}
	unknown := 0
	for i := range stormJobsOnBed {
		all := o.jobs()[fmt.Sprint(i)]
		if len(all) != 1 {
			t.Errorf("job %d lies in %d folders", i, len(all))
			continue
		}
		j := all[0]
		switch {
		case j.record == nil:
			t.Errorf("job %d has no record, log\n%s", i, j.log)
		case j.state == layout.Lost && *j.record.Outcome == layout.Interrupted && j.record.Reason != nil && len(j.runs) <= len("x\n"):
			unknown++ // told as that, with the reason
			t.Logf("job %d: %s", i, *j.record.Reason)
		case j.state != layout.Done || j.runs != "x\n" || j.record.ExitCode == nil || *j.record.ExitCode != i%5 || !strings.Contains(j.log, fmt.Sprintf(" with code %d\n", i%5)): // slurmstepd may add what it thinks
			t.Errorf("job %d is %s, runs %q, record %+v, log\n%s", i, j.state, j.runs, j.record, j.log)
		}
	}
	t.Logf("%d of %d ended unknown", unknown, stormJobsOnBed)
}

// over is how many jobs have ended.
func (o *onBed) over() int {
	n := 0
	for _, at := range o.jobs() {
		if at[0].state == layout.Done || at[0].state == layout.Lost {
			n++
		}
	}
	return n
}

// awaitOver waits until some jobs more have ended, or all.
func (o *onBed) awaitOver(more int) {
	o.t.Helper()
	till := min(o.over()+more, stormJobsOnBed)
	o.await("some more are over", func() bool { o.resume(); return o.over() >= till })
}

// resume does what the operator of a cluster has to: a controller that was killed
// gives numbers of jobs out again, and drains the nodes that know them.
func (o *onBed) resume() {
	if states, _ := o.bed.slurm("sinfo", "--noheader", "--format=%T"); strings.Contains(states, "drain") {
		_, _ = o.bed.slurm("scontrol", "update", "NodeName="+strings.Join(o.bed.nodes, ","), "State=RESUME")
	}
}

// awaitProblem waits until the server says that Slurm does not answer.
func (o *onBed) awaitProblem() {
	o.t.Helper()
	o.await("Slurm does not answer", func() bool {
		data, err := os.ReadFile(o.tree.Path(layout.HeartbeatFile))
		return err == nil && bytes.Contains(data, []byte("Slurm does not answer")) || o.over() == stormJobsOnBed
	})
}
