package supervise

import (
	"bufio"
	"encoding/json"
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
	"qm/cmd/qmserver/internal/proc"
	"qm/cmd/qmserver/internal/runfile"
	"qm/pkg/layout"
)

// TestMain lets this test be a supervisor.
func TestMain(m *testing.M) {
	switch {
	case Asked(os.Args) && os.Getenv(impatient) != "":
		os.Exit(supervise(100 * time.Millisecond))
	case Asked(os.Args):
		os.Exit(Main())
	case len(os.Args) == 2 && os.Args[1] == becomeRoot:
		outlive()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// process is a supervisor, and the server that it works for.
type process struct {
	t       *testing.T
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	answers *json.Decoder
	folder  string   // in place of QM_Jobs
	runs    *os.Root // in place of .qm/run
}

func newProcess(t *testing.T, env ...string) *process {
	t.Helper()
	p := &process{t: t, folder: t.TempDir()}
	var err error
	if p.runs, err = os.OpenRoot(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	file, err := runfile.Create(p.runs, "run")
	if err != nil {
		t.Fatal(err)
	}
	p.cmd = exec.Command(os.Args[0], Args(filepath.Join(p.runs.Name(), "run"))...)
	p.cmd.ExtraFiles = []*os.File{file.OS()}
	p.cmd.Env = Environ(append(os.Environ(), env...))
	p.cmd.Stderr = os.Stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.answers = json.NewDecoder(bufio.NewReader(stdout))
	if err := proc.Leisurely(p.cmd.Start); err != nil {
		t.Fatal(err)
	}
	file.Close()
	t.Cleanup(func() {
		p.stdin.Close()
		_ = p.cmd.Wait()
		p.runs.Close()
	})
	return p
}

// job makes a folder that holds nothing.
func (p *process) job(name, command string) Job {
	p.t.Helper()
	dir := filepath.Join(p.folder, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		p.t.Fatal(err)
	}
	f, err := disk.Lstat(dir)
	if err != nil {
		p.t.Fatal(err)
	}
	return Job{
		Ref: folder.Ref{Identity: f.Identity, JobID: layout.ID(name), Parent: p.folder}, Run: "run-" + name, Attempt: 1,
		Command: command, NbProc: 1, Grace: 200 * time.Millisecond, Owner: "o", Host: "h",
	}
}

func (p *process) tell(j Job) {
	p.t.Helper()
	if err := json.NewEncoder(p.stdin).Encode(Task{Run: &j}); err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) answer() Ended {
	p.t.Helper()
	for {
		var a Answer
		if err := p.answers.Decode(&a); err != nil {
			p.t.Fatal(err)
		}
		if a.Run != nil {
			return *a.Run
		}
	}
}

func (p *process) do(j Job) Ended {
	p.t.Helper()
	p.tell(j)
	return p.answer()
}

func (p *process) path(name, file string) string { return filepath.Join(p.folder, name, file) }

func (p *process) log(name string) string {
	p.t.Helper()
	data, err := os.ReadFile(p.path(name, layout.JobLog))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(data)
}

func (p *process) await(what string, cond func() bool) {
	p.t.Helper()
	patient.Until(p.t, what, cond)
}

func (p *process) exists(name, file string) func() bool {
	return func() bool { _, err := os.Stat(p.path(name, file)); return err == nil }
}

// gone tells whether the process whose number the job wrote into file is none
// any more.
func (p *process) gone(name, file string) bool {
	data, err := os.ReadFile(p.path(name, file))
	if err != nil {
		p.t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		p.t.Fatal(err)
	}
	return syscall.Kill(pid, 0) == syscall.ESRCH
}

func TestEnds(t *testing.T) {
	p := newProcess(t)
	for name, test := range map[string]struct {
		command string
		outcome layout.Outcome
		code    int
		signal  int
		last    string // of the log
	}{
		"good":   {"echo hello", layout.Succeeded, 0, 0, "with code 0"},
		"three":  {"printf 'no line break'; exit 3", layout.Failed, 3, 0, "with code 3"},
		"killed": {"kill -9 $$", layout.Failed, 0, 9, "killed by signal 9 (SIGKILL)"},
		"c255":   {"exit 255", layout.Failed, 255, 0, "with code 255"},
	} {
		a := p.do(p.job(name, test.command))
		if a.NotRun != "" || a.Outcome != test.outcome {
			t.Errorf("%s: %+v", name, a)
		}
		if (a.Signal == nil) == (a.ExitCode == nil) || a.Signal != nil && *a.Signal != test.signal || a.ExitCode != nil && *a.ExitCode != test.code {
			t.Errorf("%s: code %v, signal %v", name, a.ExitCode, a.Signal)
		}
		lines := strings.Split(strings.TrimSuffix(p.log(name), "\n"), "\n")
		if !strings.HasPrefix(lines[0], "Job started by QM at: ") || !strings.HasPrefix(lines[len(lines)-1], "Job finished at: ") ||
			!strings.HasSuffix(lines[len(lines)-1], test.last) {
			t.Errorf("%s: log %q", name, lines)
		}
	}
	run, err := runfile.Read(p.runs, "run")
	if err != nil || !run.Held || len(run.Last) != 4 {
		t.Errorf("run file: %+v, %v", run, err)
	}
}

// TestWhatTheJobGets: nothing open but 0, 1 and 2, a session of its own, the
// folder as working directory, what tells it of its share, a kernel that wakes it
// as soon as any other, and a parent that is called qmserver.
func TestWhatTheJobGets(t *testing.T) {
	p := newProcess(t, "INVOCATION_ID=x", "NB_PROC=99", "MKL_NUM_THREADS=7", "GOGC=50")
	j := p.job("a", `ls /proc/self/fd | wc -l; pwd; echo $NB_PROC $OMP_NUM_THREADS $MKL_NUM_THREADS $QM_JOB $QM_RUN i=$INVOCATION_ID; read x; echo eof $?
echo $GOGC $GOMAXPROCS l=$GOMEMLIMIT; env | grep ASIDE
echo slack $(cat /proc/self/timerslack_ns), of $(cat /proc/$PPID/comm)`)
	j.NbProc = 3
	p.do(j)
	log := p.log("a")
	for _, want := range []string{
		"\n4\n", // 0, 1, 2, and the folder that ls itself reads
		"\n" + filepath.Join(p.folder, "a") + "\n",
		"\n3 3 7 a run-a i=\n",
		"\neof 1\n",
		"\n50 3 l=\nslack 50000, of qmserver\nJob finished",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("no %q in\n%s", want, log)
		}
	}
}

func TestTimeLimit(t *testing.T) {
	p := newProcess(t)
	j := p.job("a", "echo $$ >pid; exec sleep 600")
	j.Limit = 100 * time.Millisecond
	a := p.do(j)
	if a.Outcome != layout.TimedOut || a.Signal == nil || *a.Signal != int(syscall.SIGTERM) || !p.gone("a", "pid") {
		t.Errorf("%+v", a)
	}
	if log := p.log("a"); !strings.Contains(log, "QM: timed-out: its time limit of 100ms is over") {
		t.Errorf("log:\n%s", log)
	}
}

// TestNothingIsLeft: a job that ignores TERM and has children in sessions of
// their own is ended with all of them.
func TestNothingIsLeft(t *testing.T) {
	p := newProcess(t)
	j := p.job("a", `trap '' TERM
setsid sh -c 'trap "" TERM; echo $$ >child; while :; do sleep 600; done' &
(setsid sh -c 'echo $$ >orphan; exec sleep 600' &)
while [ ! -s child ] || [ ! -s orphan ]; do sleep 0.01; done
touch ready; while :; do sleep 600; done`)
	p.tell(j)
	p.await("ready", p.exists("a", "ready"))
	if err := os.WriteFile(p.path("a", "stop.TXT"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	a := p.answer()
	if a.Outcome != layout.Stopped || !strings.Contains(a.Reason, "stop.TXT") {
		t.Errorf("%+v", a)
	}
	if !p.gone("a", "child") || !p.gone("a", "orphan") {
		t.Error("something is left")
	}
}

// TestWhatIsLeftRunning by a job that ended is ended too, and named.
func TestWhatIsLeftRunning(t *testing.T) {
	p := newProcess(t)
	a := p.do(p.job("a", "setsid sleep 600 & echo $! >pid; exit 0"))
	if a.Outcome != layout.Succeeded || !p.gone("a", "pid") {
		t.Errorf("%+v", a)
	}
	if log := p.log("a"); !strings.Contains(log, `ended what the job left running: "sleep"`) {
		t.Errorf("log:\n%s", log)
	}
}

// TestTooMuchAtTheEnd: a job that is about to end gets little time for that once
// it fills its log, whatever its grace.
func TestTooMuchAtTheEnd(t *testing.T) {
	t.Parallel()
	for name, command := range map[string]string{
		"asked to stop": "trap '' TERM; touch ready; until [ -e STOP ]; do sleep 0.01; done; head -c 150000 /dev/zero; sleep 60",
		"left running":  "(trap '' TERM; touch ready; while kill -0 $$; do sleep 0.01; done; head -c 150000 /dev/zero; sleep 60) & until [ -e ready ]; do sleep 0.01; done",
	} {
		p := newProcess(t)
		job := p.job(name, command)
		job.Grace, job.MaxLog = time.Hour, 100000
		p.tell(job)
		p.await("its start", p.exists(name, "ready"))
		if err := os.WriteFile(p.path(name, "STOP"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		done := time.AfterFunc(30*time.Second, func() { _ = p.cmd.Process.Kill() })
		p.answer() // fails where the supervisor was killed
		done.Stop()
		if log := p.log(name); !strings.Contains(log, ": max_log: its log has ") {
			t.Errorf("%s: %q", name, log)
		}
	}
}

// TestTheOperatorStops a job: by its supervisor's stdin, and once that is at
// its end by a file that is not in the job's folder.
func TestTheOperatorStops(t *testing.T) {
	p := newProcess(t)
	for _, name := range []string{"told", "file"} {
		j := p.job(name, "echo $$ >pid; exec sleep 600")
		j.StopFile = filepath.Join(t.TempDir(), "stop")
		p.tell(j)
		p.await("pid", p.exists(name, "pid"))
		if name == "told" {
			if err := json.NewEncoder(p.stdin).Encode(Task{Stop: true}); err != nil {
				t.Fatal(err)
			}
		} else {
			p.stdin.Close()
			if err := os.WriteFile(j.StopFile, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if a := p.answer(); a.Outcome != layout.Stopped || !strings.Contains(a.Reason, "operator") {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

// TestStopComesAtOnce where events tell of it, in any case and spelling, and
// what lay there before the start does not count.
func TestStopComesAtOnce(t *testing.T) {
	p := newProcess(t)
	j := p.job("a", "touch ready stop.py STOPP; exec sleep 600")
	if err := os.WriteFile(p.path("a", "STOP.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p.tell(j)
	p.await("ready", p.exists("a", "STOPP"))
	if err := os.WriteFile(p.path("a", "Stop"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if a := p.answer(); a.Outcome != layout.Stopped || !strings.Contains(a.Reason, "named Stop ") {
		t.Errorf("%+v", a)
	}
	if log := p.log("a"); !strings.Contains(log, "STOP.txt lay in the folder before the start") {
		t.Errorf("log:\n%s", log)
	}
}

// TestALogThatTheJobRemoves is made anew for its last line.
func TestALogThatTheJobRemoves(t *testing.T) {
	p := newProcess(t)
	p.do(p.job("a", "echo lost; rm process.log; exit 3"))
	if log := p.log("a"); !strings.Contains(log, "removed or replaced") || !strings.HasSuffix(log, "with code 3\n") {
		t.Errorf("log:\n%s", log)
	}
}

func TestAFolderThatIsDraggedAway(t *testing.T) {
	p := newProcess(t)
	p.tell(p.job("a", "echo $$ >pid; exec sleep 600"))
	p.await("pid", p.exists("a", "pid"))
	if err := os.Rename(filepath.Join(p.folder, "a"), filepath.Join(p.folder, "b")); err != nil {
		t.Fatal(err)
	}
	if a := p.answer(); a.Outcome != layout.Stopped || !p.gone("b", "pid") {
		t.Errorf("%+v", a)
	}
	if log := p.log("b"); !strings.Contains(log, "taken out of QM_Jobs") || !strings.Contains(log, "Job finished at") {
		t.Errorf("log:\n%s", log)
	}
}

// TestTermIsAnInterruption of the job, which the supervisor writes down.
func TestTermIsAnInterruption(t *testing.T) {
	p := newProcess(t)
	p.tell(p.job("a", "echo $$ >pid; exec sleep 600"))
	p.await("pid", p.exists("a", "pid"))
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if a := p.answer(); a.Outcome != layout.Interrupted {
		t.Errorf("%+v", a)
	}
	if err := p.cmd.Wait(); err != nil { // and takes no other job
		t.Error(err)
	}
}

// TestTermBeforeTheEnd is an interruption also of a job that is told too, and
// ends as it likes.
func TestTermBeforeTheEnd(t *testing.T) {
	for range 10 {
		p := newProcess(t)
		p.tell(p.job("a", "trap 'exit 0' TERM; echo $$ >pid; touch ready; while :; do sleep 0.01; done"))
		p.await("ready", p.exists("a", "ready"))
		data, err := os.ReadFile(p.path("a", "pid"))
		if err != nil {
			t.Fatal(err)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
		if err != nil {
			t.Fatal(err)
		}
		for _, to := range []int{p.cmd.Process.Pid, pid} {
			if err := syscall.Kill(to, syscall.SIGTERM); err != nil && err != syscall.ESRCH {
				t.Fatal(err)
			}
		}
		if a := p.answer(); a.Outcome != layout.Interrupted || a.ExitCode == nil || *a.ExitCode != 0 {
			t.Errorf("%+v", a)
		}
	}
}

// TestTheServerIsGone: the job goes on, and its end stands in the run file.
func TestTheServerIsGone(t *testing.T) {
	p := newProcess(t)
	j := p.job("a", "while [ ! -e go ]; do sleep 0.02; done; echo done; exit 5")
	p.tell(j)
	p.await("log", p.exists("a", layout.JobLog))
	p.stdin.Close()
	if err := os.WriteFile(p.path("a", "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var run runfile.Run
	p.await("the lock is free", func() bool {
		var err error
		run, err = runfile.Read(p.runs, "run")
		if err != nil {
			t.Fatal(err)
		}
		return !run.Held
	})
	if l := run.Last[j.Identity]; l.Event != runfile.Ended || *l.ExitCode != 5 {
		t.Errorf("run file says %+v", l)
	}
}

func TestNotRun(t *testing.T) {
	p := newProcess(t)
	for name, plant := range map[string]func(log string) error{
		"fifo":   func(log string) error { return syscall.Mkfifo(log, 0o600) },
		"link":   func(log string) error { return os.Symlink("/dev/zero", log) },
		"folder": func(log string) error { return os.Mkdir(log, 0o700) },
	} {
		j := p.job(name, "touch ran")
		if err := plant(p.path(name, layout.JobLog)); err != nil {
			t.Fatal(err)
		}
		if a := p.do(j); a.NotRun == "" || p.exists(name, "ran")() {
			t.Errorf("%s: %+v", name, a)
		}
	}
	other := p.job("other", "touch ran")
	other.Birth++
	if a := p.do(other); a.NotRun == "" || p.exists("other", "ran")() {
		t.Errorf("another folder: %+v", a)
	}
	if run, err := runfile.Read(p.runs, "run"); err != nil || len(run.Last) != 0 {
		t.Errorf("the run file tells of them: %+v, %v", run, err)
	}
}

// TestACutLine is what a dying server had begun to write.
func TestACutLine(t *testing.T) {
	p := newProcess(t)
	j := p.job("a", "touch ran")
	data, err := json.Marshal(Task{Run: &j})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.stdin.Write(data); err != nil {
		t.Fatal(err)
	}
	p.stdin.Close()
	if err := p.cmd.Wait(); err != nil {
		t.Error(err)
	}
	if p.exists("a", "ran")() {
		t.Error("it was run")
	}
}

func TestAProgramThatIsNotThere(t *testing.T) {
	p := newProcess(t)
	j := p.job("a", "")
	j.Args = []string{"/no/such/interpreter", "./job.sh"}
	a := p.do(j)
	if a.Outcome != layout.Failed || a.ExitCode == nil || *a.ExitCode != 127 || !strings.Contains(p.log("a"), "/no/such/interpreter") {
		t.Errorf("%+v\n%s", a, p.log("a"))
	}
}

// TestAWornSupervisor says so, and does what it is told all the same.
func TestAWornSupervisor(t *testing.T) {
	p := newProcess(t)
	for n := 1; n <= enough+1; n++ {
		j := p.job("a", "true")
		p.tell(j)
		var freed, a Answer
		if err := p.answers.Decode(&freed); err != nil || freed.Freed == nil || *freed.Freed != j.Identity || freed.Run != nil {
			t.Fatalf("job %d: %+v, %v, want that nothing is left of it", n, freed, err)
		}
		if err := p.answers.Decode(&a); err != nil || a.Run == nil || a.Run.Outcome != layout.Succeeded || a.Worn != (n >= enough) {
			t.Fatalf("job %d: %+v, %v", n, a, err)
		}
	}
}

func TestOldLogsAreKept(t *testing.T) {
	p := newProcess(t)
	for _, word := range []string{"one", "two", "three"} {
		p.do(p.job("a", "echo "+word))
	}
	for file, word := range map[string]string{"process.1.log": "one", "process.2.log": "two", layout.JobLog: "three"} {
		data, err := os.ReadFile(p.path("a", file))
		if err != nil || !strings.Contains(string(data), "\n"+word+"\n") {
			t.Errorf("%s: %q, %v", file, data, err)
		}
	}
}
