//go:build unix

package launch

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
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

// cluster is a played Slurm, see testdata/slurm, and a tree whose jobs it runs.
type cluster struct {
	*testing.T
	dir  string // of the played Slurm
	tree layout.Tree
	here bool // by the configuration, jobs run on this machine by now
	log  strings.Builder
	lock sync.Mutex // guards log and all below

	slurm  *Slurm
	events []Event
	heard  chan struct{} // closed when all events of a launcher were heard
	quit   chan struct{}
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip("skipped without setsid: a played Slurm")
	}
	dir := t.TempDir()
	c := &cluster{T: t, dir: filepath.Join(dir, "slurm"), tree: layout.Tree(filepath.Join(dir, "QM"))}
	for _, d := range []string{c.dir + "/jobs", c.dir + "/say", c.tree.Path(layout.Own), c.tree.Folder(layout.Running)} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	played, err := filepath.Abs("../../../../testdata/slurm")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", played+":"+os.Getenv("PATH"))
	t.Setenv("FAKE_SLURM", c.dir)
	c.open()
	t.Cleanup(func() {
		c.close()
		c.killAll()
		if t.Failed() {
			t.Log(c.log.String())
		}
	})
	return c
}

func (c *cluster) Write(p []byte) (int, error) {
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.log.Write(p)
}

// open starts a launcher, as a server that starts.
func (c *cluster) open() {
	c.Helper()
	log := slog.New(slog.NewTextHandler(c, nil))
	local, err := NewLocal(c.tree, nil, nil, log)
	if err != nil {
		c.Fatal(err)
	}
	const every = 200 * time.Millisecond
	s, err := NewSlurm(local, c.tree, SlurmOptions{Options: []string{"--partition=long"}, Env: os.Environ(), Every: every, Patience: 2 * every, Here: c.here}, log)
	if err != nil {
		c.Fatal(err)
	}
	c.slurm, c.heard, c.quit = s, make(chan struct{}), make(chan struct{})
	c.events = nil
	go func(quit, heard chan struct{}) {
		defer close(heard)
		for {
			select {
			case e := <-s.Events():
				c.lock.Lock()
				c.events = append(c.events, e)
				c.lock.Unlock()
			case <-quit:
				return
			}
		}
	}(c.quit, c.heard)
}

// close ends it, as a server that ends.
func (c *cluster) close() {
	_ = c.slurm.Close()
	close(c.quit)
	<-c.heard
}

// reopen is a server that is started again, and adopts what runs.
func (c *cluster) reopen(between func()) {
	c.Helper()
	c.close()
	between()
	c.open()
	for _, run := range c.slurm.Runs().Files {
		for id, line := range run.Last {
			if line.Event != runfile.Starting {
				continue
			}
			if err := c.slurm.Adopt(run.Name, id); err != nil {
				c.Fatal(err)
			}
		}
	}
}

// start has a job run that was just claimed.
func (c *cluster) start(name, command string, change ...func(*supervise.Job)) supervise.Job {
	c.Helper()
	path := c.tree.Job(layout.Running, name)
	if err := os.Mkdir(path, 0o755); err != nil {
		c.Fatal(err)
	}
	f, err := disk.Lstat(path)
	if err != nil {
		c.Fatal(err)
	}
	job := supervise.Job{
		Ref:     folder.Ref{Identity: f.Identity, Parent: c.tree.Folder(layout.Running), JobID: layout.ID(name)},
		Attempt: 1, Command: command, NbProc: 2, Owner: "me@example.org", Host: "here", Submitted: time.Now(), Claimed: time.Now(),
	}
	for _, f := range change {
		f(&job)
	}
	if err := c.slurm.Start(job, 0); err != nil {
		c.Fatal(err)
	}
	return job
}

// end waits for the end of a job.
func (c *cluster) end(job supervise.Job) Event {
	c.Helper()
	var end Event
	patient.Until(c, "the job ends", func() bool {
		c.lock.Lock()
		defer c.lock.Unlock()
		i := slices.IndexFunc(c.events, func(e Event) bool { return e.Identity == job.Identity && e.State == nil })
		if i >= 0 {
			end = c.events[i]
		}
		return i >= 0
	}, func() string { return fmt.Sprintf("%+v\n%s", c.events, c.log.String()) })
	return end
}

// ends tells what the end of a job is.
func (c *cluster) ends(job supervise.Job, outcome layout.Outcome, status string) Event {
	c.Helper()
	e := c.end(job)
	got := "unknown"
	switch {
	case e.Ended.Signal != nil:
		got = fmt.Sprint("signal ", *e.Ended.Signal)
	case e.Ended.ExitCode != nil:
		got = fmt.Sprint("code ", *e.Ended.ExitCode)
	}
	if e.Ended.Outcome != outcome || got != status || e.Ended.NotRun != "" {
		c.Errorf("%s, %s, want %s, %s: %+v", e.Ended.Outcome, got, outcome, status, e)
	}
	return e
}

// words waits until this is said of a job.
func (c *cluster) words(job supervise.Job, words string) State {
	c.Helper()
	var state State
	patient.Until(c, words, func() bool {
		c.lock.Lock()
		defer c.lock.Unlock()
		i := slices.IndexFunc(c.events, func(e Event) bool {
			return e.Identity == job.Identity && e.State != nil && strings.Contains(e.State.Words, words)
		})
		if i >= 0 {
			state = *c.events[i].State
		}
		return i >= 0
	}, func() string { return fmt.Sprintf("%+v\n%s", c.events, c.log.String()) })
	return state
}

// contact waits until the launcher says that Slurm answers, or that it does not.
func (c *cluster) contact(answers bool) {
	c.Helper()
	patient.Until(c, fmt.Sprint("Slurm answers: ", answers), func() bool {
		c.lock.Lock()
		defer c.lock.Unlock()
		return slices.ContainsFunc(c.events, func(e Event) bool { return e.Contact != nil && e.Contact.Since.IsZero() == answers })
	})
}

// say has the played Slurm behave in a way.
func (c *cluster) say(who, what string) {
	c.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, "say", who), []byte(what+"\n"), 0o600); err != nil {
		c.Fatal(err)
	}
}

func (c *cluster) unsay(who string) {
	c.Helper()
	if err := os.Remove(filepath.Join(c.dir, "say", who)); err != nil {
		c.Fatal(err)
	}
}

// hold has the jobs that come wait in Slurm, or no more.
func (c *cluster) hold(yes bool) {
	c.Helper()
	err := os.Remove(filepath.Join(c.dir, "hold"))
	if yes {
		err = os.WriteFile(filepath.Join(c.dir, "hold"), nil, 0o600)
	}
	if err != nil {
		c.Fatal(err)
	}
}

// state has Slurm say this of its job with that number.
func (c *cluster) state(id int, state string) {
	c.Helper()
	c.write(filepath.Join(c.dir, "jobs", fmt.Sprint(id), "state"), state+"\n")
}

func (c *cluster) write(path, text string) {
	c.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		c.Fatal(err)
	}
}

// jobs is how many the played Slurm has been given.
func (c *cluster) jobs() int {
	c.Helper()
	ids, err := os.ReadDir(filepath.Join(c.dir, "jobs"))
	if err != nil {
		c.Fatal(err)
	}
	return len(ids)
}

func (c *cluster) awaitJobs(n int) {
	c.Helper()
	patient.Until(c, fmt.Sprintf("Slurm has %d jobs", n), func() bool {
		_, err := os.Stat(filepath.Join(c.dir, "jobs", fmt.Sprint(n), "state"))
		return err == nil
	}, func() string { return c.log.String() })
}

// in reads a file of a job's folder, in QM_Jobs.
func (c *cluster) in(name, file string) string {
	c.Helper()
	data, err := os.ReadFile(filepath.Join(c.tree.Job(layout.Running, name), file))
	if err != nil {
		c.Error(err)
	}
	return string(data)
}

func (c *cluster) awaitIn(name, file string) {
	c.Helper()
	patient.Until(c, file, func() bool {
		_, err := os.Stat(filepath.Join(c.tree.Job(layout.Running, name), file))
		return err == nil
	}, func() string { return c.log.String() })
}

// once is a command that counts how often it is run, and goes on until the file
// go is there.
const once = "echo x >>runs; while [ ! -e go ]; do sleep 0.02; done; exit 3"

func (c *cluster) letGo(name string) {
	c.Helper()
	c.write(filepath.Join(c.tree.Job(layout.Running, name), "go"), "")
}

func (c *cluster) ranOnce(name string) {
	c.Helper()
	if runs := c.in(name, "runs"); runs != "x\n" {
		c.Errorf("%s has run %q", name, runs)
	}
}

// begin has Slurm begin a job, once more too.
func (c *cluster) begin(id int) {
	c.Helper()
	if out, err := exec.Command("begin", fmt.Sprint(id)).CombinedOutput(); err != nil {
		c.Fatalf("%v: %s", err, out)
	}
}

// killAll ends what a test has left running.
func (c *cluster) killAll() {
	pids, _ := filepath.Glob(c.dir + "/jobs/*/pid")
	for _, file := range pids {
		data, _ := os.ReadFile(file)
		if pid, err := strconv.Atoi(strings.TrimSpace(string(data))); err == nil && pid > 1 {
			_ = syscall.Kill(-pid, syscall.SIGKILL)
		}
		patient.Until(c, "who looks after it has ended", func() bool {
			_, err := os.Stat(filepath.Join(filepath.Dir(file), "exit"))
			return err == nil
		})
	}
}
