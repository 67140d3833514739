//go:build unix

package launch

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"qm/cmd/qmserver/internal/patient"
	"qm/cmd/qmserver/internal/runfile"
	"qm/cmd/qmserver/internal/supervise"
	"qm/pkg/jobinfo"
	"qm/pkg/layout"
)

// TestSlurmRuns: what a job of Slurm's leaves is what one of this machine does.
func TestSlurmRuns(t *testing.T) {
	c := newCluster(t)
	ok := c.start("ok", "echo out", func(j *supervise.Job) { j.Notes = []string{"a note"} })
	bad := c.start("bad", "exit 3")
	killed := c.start("killed", "kill -9 $$")
	code := c.start("code", "exit 137")
	e := c.ends(ok, layout.Succeeded, "code 0")
	if e.Ran.From.IsZero() || e.Ran.To.Before(e.Ran.From) || e.Stay {
		t.Errorf("%+v", e)
	}
	c.ends(bad, layout.Failed, "code 3")
	c.ends(killed, layout.Failed, "signal 9")
	c.ends(code, layout.Failed, "code 137")
	log := c.in("ok", layout.JobLog)
	if !strings.HasPrefix(log, "Job started by QM at: ") || !strings.Contains(log, "\nQM: a note\nout\nJob finished at: ") || !strings.HasSuffix(log, " with code 0\n") {
		t.Errorf("log\n%s", log)
	}
	r, err := layout.ParseRecord([]byte(c.in("ok", layout.RecordFile)))
	if err != nil || r.Name != "ok" || *r.Script != "echo out" || *r.Host != "node1" || *r.Outcome != layout.Succeeded || *r.ExitCode != 0 ||
		r.Started == nil || r.Finished == nil || r.CPUSeconds == nil || *r.Owner != "me@example.org" || r.Attempt != 1 {
		t.Errorf("record %+v, %v", r, err)
	}
	if left, _ := filepath.Glob(c.tree.Job(layout.Running, "*/.qm/slurm-*")); len(left) > 0 {
		t.Errorf("left: %q", left)
	}
	for _, run := range c.slurm.Runs().Files {
		for id, line := range run.Last {
			if line.Event != runfile.Ended || line.Started.IsZero() || line.Token == "" || !c.slurm.Own(run.Name) {
				t.Errorf("%v: %+v", id, line)
			}
		}
	}
}

// TestSlurmIsTold what the job and the site ask for.
func TestSlurmIsTold(t *testing.T) {
	c := newCluster(t)
	info, err := jobinfo.Parse("job.sh", []byte("#!/bin/sh\n#SBATCH --constraint=\"fast&big\" -c 4\n#QM nb_gpu : 2\n#QM priority : -1\necho ran $0 >>out\n"))
	if err != nil {
		t.Fatal(err)
	}
	job := c.start("a", "", func(j *supervise.Job) {
		c.write(filepath.Join(c.tree.Job(layout.Running, "a"), "job.sh"), "echo ran $0 >>out\n")
		j.Args = []string{"/bin/sh", "./job.sh"}
		j.NbProc, j.Notes = info.NbProc, info.Warnings
		j.Elsewhere = supervise.Elsewhere{NbGPU: info.NbGPU, Priority: info.Priority, Slurm: info.Slurm}
	})
	c.ends(job, layout.Succeeded, "code 0")
	if out := c.in("a", "out"); out != "ran ./job.sh\n" {
		t.Errorf("%q", out)
	}
	script := c.slurmFile("script")
	if !strings.HasPrefix(script, "#!/bin/sh\n#SBATCH --partition=long\n#SBATCH --constraint=\"fast&big\" -c 4\n") || strings.Contains(script, "means nothing here") {
		t.Errorf("script\n%s", script)
	}
	args := c.slurmFile("args")
	for _, want := range []string{"--gres=gpu:2\n", "--nice=1000\n", "--no-requeue\n", "--chdir=" + c.tree.Job(layout.Running, "a") + "\n"} {
		if !strings.Contains(args, want) {
			t.Errorf("%q is not in %s", want, args)
		}
	}
	if strings.Contains(args, "--ntasks") {
		t.Errorf("what the script says of processors does not count: %s", args)
	}
	bad := c.start("bad", "x", func(j *supervise.Job) {
		j.Elsewhere.Slurm = jobinfo.Directives{Lines: []string{"#SBATCH -a 1-9"}, Options: []string{"-a"}}
	})
	if e := c.end(bad); !strings.Contains(e.Ended.NotRun, "#SBATCH -a: ") || e.Ended.Passing || c.jobs() != 1 {
		t.Errorf("%+v", e)
	}
}

// slurmFile is what is known of the first job that Slurm was given.
func (c *cluster) slurmFile(name string) string {
	c.Helper()
	data, err := os.ReadFile(filepath.Join(c.dir, "jobs/1", name))
	if err != nil {
		c.Fatal(err)
	}
	return string(data)
}

// TestSlurmWords: what is said while a job waits and runs.
func TestSlurmWords(t *testing.T) {
	c := newCluster(t)
	c.hold(true)
	job := c.start("a", once)
	c.awaitJobs(1)
	c.state(1, "PENDING Resources")
	c.words(job, "waiting in Slurm: Resources")
	c.begin(1)
	if s := c.words(job, "running on node1, Slurm job 1"); s.Words == "" {
		t.Errorf("%+v", s)
	}
	c.awaitIn("a", "runs")
	c.state(1, "DREAMING")
	c.words(job, "Slurm says DREAMING of it on node1")
	c.letGo("a")
	c.ends(job, layout.Failed, "code 3")
}

// TestSlurmPriorities: what waits in Slurm stands back behind what comes later
// with a higher priority, until that has begun.
func TestSlurmPriorities(t *testing.T) {
	c := newCluster(t)
	c.hold(true)
	jobs := make(map[string]supervise.Job)
	for i, job := range []struct {
		name     string
		priority int
	}{{"low", -2}, {"plain", 0}, {"high", 3}} {
		jobs[job.name] = c.start(job.name, once, func(j *supervise.Job) { j.Elsewhere.Priority = job.priority })
		c.awaitJobs(i + 1)
		c.words(jobs[job.name], "waiting in Slurm")
	}
	nice := func(id int, want string) {
		patient.Until(t, "nice "+want, func() bool {
			data, _ := os.ReadFile(filepath.Join(c.dir, "jobs", strconv.Itoa(id), "nice"))
			return strings.TrimSpace(string(data)) == want
		}, func() string { return c.log.String() })
	}
	nice(1, "5000")
	nice(2, "3000")
	c.begin(3)
	nice(1, "2000")
	nice(2, "0")
	if args, _ := os.ReadFile(filepath.Join(c.dir, "jobs/3/args")); strings.Contains(string(args), "--nice") {
		t.Errorf("the highest is nice: %s", args)
	}
	for i, name := range []string{"low", "plain", "high"} {
		if i < 2 {
			c.begin(i + 1)
		}
		c.letGo(name)
		c.ends(jobs[name], layout.Failed, "code 3")
	}
}
