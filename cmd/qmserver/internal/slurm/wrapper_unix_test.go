//go:build unix

package slurm

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"qm/pkg/layout"
)

// node runs scripts as slurmd does, with a shell of this machine as /bin/sh.
type node struct {
	*testing.T
	shell []string
	path  string // of the job's folder
	job   *os.Root
	token string
}

func newNode(t *testing.T, shell ...string) *node {
	t.Helper()
	n := &node{T: t, shell: shell, path: filepath.Join(t.TempDir(), "it's 100% \\ a\nb"), token: NewToken("/tree")}
	if err := os.Mkdir(n.path, 0o755); err != nil {
		t.Fatal(err)
	}
	var err error
	if n.job, err = os.OpenRoot(n.path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.job.Close() })
	if err := Prepare(n.job, n.token, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	return n
}

// script is one that runs argv.
func (n *node) script(argv ...string) *Script {
	return &Script{Folder: n.path, Shown: "shown", Job: filepath.Base(n.path), Token: n.token, Argv: argv, NbProc: 3, Threads: true}
}

// run returns the exit code of a script, started as this Slurm job.
func (n *node) run(id string, s *Script, env ...string) int {
	n.Helper()
	cmd := exec.Command(n.shell[0], append(n.shell[1:], "-s")...)
	cmd.Stdin = strings.NewReader(s.text())
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "SLURM_JOB_ID=" + id, "SLURMD_NODENAME=node1"}, env...)
	cmd.Dir = "/"
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if out.Len() > 0 {
		n.Errorf("the script says %q", out.String())
	}
	if err != nil && cmd.ProcessState == nil {
		n.Fatal(err)
	}
	return cmd.ProcessState.ExitCode()
}

func (n *node) left() Left {
	n.Helper()
	left, err := Read(n.job, n.token)
	if err != nil {
		n.Fatal(err)
	}
	return left
}

func (n *node) log() string {
	n.Helper()
	data, err := os.ReadFile(filepath.Join(n.path, layout.JobLog))
	if err != nil {
		n.Fatal(err)
	}
	return string(data)
}

// shells are those of this machine that may be /bin/sh on a node.
func shells(t *testing.T, test func(t *testing.T, shell ...string)) {
	for _, shell := range [][]string{{"dash"}, {"bash", "--posix"}, {"bash"}, {"busybox", "sh"}, {"ksh"}} {
		t.Run(strings.Join(shell, " "), func(t *testing.T) {
			if _, err := exec.LookPath(shell[0]); err != nil {
				t.Skipf("skipped without %s", shell[0])
			}
			test(t, shell...)
		})
	}
}

// TestScript: what a command does comes to light, whatever the shell, and
// `exit 137` is told from signal 9.
func TestScript(t *testing.T) {
	shells(t, func(t *testing.T, shell ...string) {
		for _, test := range []struct {
			command      string
			code, signal int
		}{
			{"exit 0", 0, 0}, {"exit 3", 3, 0}, {"exit 255", 255, 0}, {"exit 137", 137, 0}, {"exit 143", 143, 0},
			{"kill -9 $$", 0, 9}, {"kill -15 $$", 0, 15}, {"kill -11 $$", 0, 11}, {"kill -6 $$", 0, 6}, {"kill -1 $$", 0, 1},
			{"sh -c 'kill -9 $$'; exit $?", 137, 0}, {"sleep 9 & kill -9 $!; wait $!", 137, 0}, {"no-such-command", 127, 0},
		} {
			if signal.Ignored(syscall.Signal(test.signal)) {
				continue // by who started the tests, and so by all shells: see nohup(1)
			}
			n := newNode(t, shell...)
			n.run("7", n.script("/bin/sh", "-c", test.command))
			s := n.left().Status
			if s == nil || s.Code != test.code || s.Signal != test.signal || s.Told != "" {
				t.Errorf("%s: %+v\n%s", test.command, s, n.log())
			}
		}
	})
}

// TestScriptTells what it is to tell: who has begun, when, in the log and in the
// folder of the run; and the job what it may use.
func TestScriptTells(t *testing.T) {
	shells(t, func(t *testing.T, shell ...string) {
		n := newNode(t, shell...)
		s := n.script("/bin/sh", "-c", `echo "$1|$NB_PROC|$OMP_NUM_THREADS|$GOMAXPROCS|$QM_JOB|$QM_RUN"; pwd; cat; echo err >&2`, "sh", `it's "a" $HOME \ *`)
		s.Notes = []string{"one % note's", "another"}
		before := time.Now().Add(-time.Second)
		if code := n.run("7", s, "GOMAXPROCS=1"); code != 0 {
			t.Errorf("code %d", code)
		}
		left := n.left()
		if c := left.Claim; c == nil || c.Job != "7" || c.Node != "node1" || c.At.Before(before) || c.Withdrawn() || left.Refused != nil {
			t.Errorf("%+v", c)
		}
		if s := left.Status; s == nil || s.At.Before(left.Claim.At) || s.CPU == nil || *s.CPU < 0 {
			t.Errorf("%+v", left.Status)
		}
		lines := strings.SplitN(n.log(), "\n", 3)
		if at, ok := layout.ParseStarted(lines[0]); !ok || at.Before(before) {
			t.Errorf("%q", lines[0])
		}
		if !strings.HasPrefix(lines[1], "Host: node1, user: ") || !strings.HasSuffix(lines[1], ", processors: 3, Slurm job: 7") {
			t.Errorf("%q", lines[1])
		}
		want := "QM: one % note's\nQM: another\n" + `it's "a" $HOME \ *` + "|3|3|1|" + filepath.Base(n.path) + "|" + n.token + "\n" + n.path + "\nerr\n"
		if lines[2] != want {
			t.Errorf("%q, want %q", lines[2], want)
		}
	})
}

// TestOnce: however many begin a run at once, or later, one does.
func TestOnce(t *testing.T) {
	n := newNode(t, "sh")
	var all sync.WaitGroup
	var mu sync.Mutex
	codes := make(map[int]int)
	for i := range 12 {
		all.Go(func() {
			code := n.run(fmt.Sprint(i+1), n.script("/bin/sh", "-c", "echo x >>runs; sleep 0.05"))
			mu.Lock()
			defer mu.Unlock()
			codes[code]++
		})
	}
	all.Wait()
	n.run("99", n.script("/bin/sh", "-c", "echo x >>runs"))
	data, err := os.ReadFile(filepath.Join(n.path, "runs"))
	if err != nil || string(data) != "x\n" {
		t.Errorf("it has run %q, %v", data, err)
	}
	if codes[0] != 1 || codes[refused] != 11 {
		t.Errorf("exit codes %v", codes)
	}
	left := n.left()
	if left.Refused == nil || left.Refused.Job == left.Claim.Job || left.Status == nil {
		t.Errorf("%+v", left)
	}
	if log := n.log(); strings.Count(log, "this run began already: job="+left.Claim.Job+" node=node1") != 12 {
		t.Errorf("the log says\n%s", log)
	}
}

// TestWithdraw: what was withdrawn is not begun, and what has begun can't be
// withdrawn.
func TestWithdraw(t *testing.T) {
	n := newNode(t, "sh")
	for range 2 { // by two servers, one after the other
		if never, err := Withdraw(n.job, n.token); !never || err != nil {
			t.Fatalf("%v, %v", never, err)
		}
	}
	if code := n.run("7", n.script("/bin/sh", "-c", "echo x >>runs")); code != refused {
		t.Errorf("code %d", code)
	}
	if left := n.left(); !left.Claim.Withdrawn() || left.Refused == nil {
		t.Errorf("%+v", left)
	}
	begun := newNode(t, "sh")
	begun.run("7", begun.script("true"))
	if never, err := Withdraw(begun.job, begun.token); never || err != nil {
		t.Errorf("what has begun is withdrawn: %v", err)
	}
	gone := newNode(t, "sh")
	if err := Remove(gone.job, gone.token); err != nil {
		t.Fatal(err)
	}
	if code := gone.run("7", gone.script("/bin/sh", "-c", "echo x >>runs")); code != neverSeen {
		t.Errorf("a run that is over is begun: %d", code)
	}
	if _, err := os.Stat(filepath.Join(gone.path, "runs")); err == nil {
		t.Error("it has run")
	}
}

// TestPrepare: another run has the folder of the earlier one removed.
func TestPrepare(t *testing.T) {
	n := newNode(t, "sh")
	next := NewToken("/tree")
	if err := Prepare(n.job, next, []byte("order")); err != nil {
		t.Fatal(err)
	}
	if code := n.run("7", n.script("true")); code != neverSeen {
		t.Errorf("code %d", code)
	}
	data, since, err := Order(n.job, next)
	if string(data) != "order" || since == 0 || err != nil {
		t.Errorf("%q, %d, %v", data, since, err)
	}
	if !IsOf("/tree", next) || IsOf("/other", next) {
		t.Error("the token tells of another tree")
	}
}

// TestStopped: who is told to end says so, and by what.
func TestStopped(t *testing.T) {
	shells(t, func(t *testing.T, shell ...string) {
		n := newNode(t, shell...)
		// scancel sends TERM to all processes of a job, the script's shell included.
		n.run("7", n.script("/bin/sh", "-c", "kill -TERM $PPID; kill -TERM $$"))
		if s := n.left().Status; s == nil || s.Told != "TERM" || s.Signal != 15 {
			t.Errorf("%+v", s)
		}
	})
}

// TestForged: what others leave there is read as far as it makes sense.
func TestForged(t *testing.T) {
	n := newNode(t, "sh")
	for _, text := range []string{"", "\x00", "exit=", "exit=999", "signal=0", "signal=-1", strings.Repeat("exit=0 ", 10)} {
		if err := n.job.WriteFile(file(n.token, statusFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if s := n.left().Status; (s != nil) != strings.Contains(text, "exit=0") {
			t.Errorf("%q: %+v", text, s)
		}
	}
	if err := n.job.WriteFile(file(n.token, statusFile), bytes.Repeat([]byte("x"), maxWord+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(n.job, n.token); err == nil {
		t.Error("a long status is read")
	}
	if !slices.Equal([]float64{*cpuSeconds("1m2.5s,0m0.5s")}, []float64{63}) || cpuSeconds("x") != nil {
		t.Error("times are read wrongly")
	}
}
