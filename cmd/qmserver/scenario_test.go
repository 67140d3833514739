package main_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScenarios runs the two real programs as users do. Each script of
// testdata/scenarios shows one behaviour and reads like the manual. Beside the
// commands of testscript there are:
//
//	exits CODE PROGRAM ARGS...    runs a program, which must end with this code
//	start NAME PROGRAM ARGS...    starts one in the background; it writes NAME.log
//	term NAME [CODE]              ends it by SIGTERM; it must exit with CODE (0)
//	kill9 NAME                    ends it by SIGKILL
//	waitfor GLOB...               waits until each matches something
//	waitgone GLOB...              waits until none matches anything
//	waitgrep REGEXP GLOB          waits until a line of a matching file matches
//	listening NAME                waits for the address in NAME.log: $QMWEB
//	get [CODE] PATH               GETs from there; stdout is the body
//	ask METHOD CODE PATH          the same with another method
//	waitget REGEXP PATH           GETs until a line matches: a page may be 2 s old
//
// With QM_EVENTS=off they are run without file events. $JOBS is testdata/jobs. What a script waits for must come within patience.
func TestScenarios(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the scripts' jobs are written for sh")
	}
	programs := t.TempDir()
	build(t, programs)
	jobs, err := filepath.Abs(filepath.Join(moduleRoot, "testdata", "jobs"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                filepath.Join(moduleRoot, "testdata", "scenarios"),
		RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			if os.Getenv("QM_EVENTS") == "off" {
				if err := withoutEvents(env.WorkDir); err != nil {
					return err
				}
			}
			env.Setenv("JOBS", jobs)
			env.Setenv("PATH", programs+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("PAUSE", "0") // what the example jobs wait between two steps
			// Else each race-built program lingers for a second.
			env.Setenv("GORACE", "atexit_sleep_ms=0 halt_on_error=1")
			env.Values[stageKey{}] = newStage(programs, env.Vars)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": cmdExits, "start": cmdStart, "term": cmdTerm, "kill9": cmdKill9,
			"waitfor": cmdWaitFor, "waitgone": cmdWaitGone, "waitgrep": cmdWaitGrep,
			"listening": cmdListening, "get": cmdGet, "ask": cmdAsk, "waitget": cmdWaitGet,
		},
	})
}

// withoutEvents turns file events off in the configurations of a script.
func withoutEvents(dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.cfg"))
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		ours, others, _ := strings.Cut(string(data), "[WEB_")
		if others != "" {
			others = "[WEB_" + others
		}
		text := ours + "\nevents : off\n" + others
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return err
}

// build builds both programs, with the race detector if the test has it.
func build(t *testing.T, dir string) {
	t.Helper()
	args := []string{"build", "-buildvcs=false", "-o", dir + string(filepath.Separator)}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "-race" && s.Value == "true" {
				args = append(args, "-race")
			}
		}
	}
	build := exec.Command("go", append(args, "./cmd/qmserver", "./cmd/qmweb")...)
	build.Dir = moduleRoot
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", build, err, out)
	}
}

// usage refuses wrong calls; negation makes no sense for any of our commands.
func usage(ts *testscript.TestScript, neg, ok bool, text string) {
	if neg || !ok {
		ts.Fatalf("usage: %s", text)
	}
}

func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) >= 2, "exits CODE PROGRAM ARGS...")
	want, got := number(ts, args[0]), 0
	err := ts.Exec(args[1], args[2:]...)
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%s exits with %d, want %d", args[1], got, want)
	}
}

func number(ts *testscript.TestScript, text string) int {
	n, err := strconv.Atoi(text)
	ts.Check(err)
	return n
}

// stage is what the commands know of the script that runs.
type stage struct {
	programs string   // the folder where qmserver and qmweb lie
	names    []string // of the script's environment
	running  map[string]*process
}

type stageKey struct{}

func newStage(programs string, vars []string) *stage {
	s := &stage{programs: programs, running: make(map[string]*process)}
	for _, v := range vars {
		name, _, _ := strings.Cut(v, "=")
		s.names = append(s.names, name)
	}
	return s
}

func stageOf(ts *testscript.TestScript) *stage { return ts.Value(stageKey{}).(*stage) }

// environ returns the script's environment, as it is now.
func (s *stage) environ(ts *testscript.TestScript) []string {
	var vars []string
	for _, name := range s.names {
		vars = append(vars, name+"="+ts.Getenv(name))
	}
	return vars
}

// process is a program in the background; done is closed when it has ended.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
}

func cmdStart(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) >= 2, "start NAME PROGRAM ARGS...")
	stage, name := stageOf(ts), args[0]
	if stage.running[name] != nil {
		ts.Fatalf("%s runs already", name)
	}
	log, err := os.Create(ts.MkAbs(name + ".log"))
	ts.Check(err)
	defer log.Close()
	p := &process{cmd: exec.Command(filepath.Join(stage.programs, args[1]), args[2:]...), done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = ts.MkAbs("."), stage.environ(ts), log, log
	ts.Check(p.cmd.Start())
	stage.running[name] = p
	go func() {
		_ = p.cmd.Wait() // how it ended is told by ProcessState
		close(p.done)
	}()
	ts.Defer(func() {
		_ = p.cmd.Process.Kill() // most have ended by now
		<-p.done
		ts.Logf("[%s.log]\n%s", name, ts.ReadFile(log.Name()))
	})
}

func cmdTerm(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1 || len(args) == 2, "term NAME [CODE]")
	want := 0
	if len(args) == 2 {
		want = number(ts, args[1])
	}
	p := end(ts, args[0], syscall.SIGTERM)
	if got := p.cmd.ProcessState.ExitCode(); got != want {
		ts.Fatalf("%s: %v, want exit code %d", args[0], p.cmd.ProcessState, want)
	}
}

func cmdKill9(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "kill9 NAME")
	end(ts, args[0], syscall.SIGKILL)
}

// end sends the signal and waits until the process has ended. One that has
// already ended by itself is looked at all the same.
func end(ts *testscript.TestScript, name string, signal os.Signal) *process {
	running := stageOf(ts).running
	p := running[name]
	if p == nil {
		ts.Fatalf("%s does not run", name)
	}
	if err := p.cmd.Process.Signal(signal); !errors.Is(err, os.ErrProcessDone) {
		ts.Check(err)
	}
	select {
	case <-p.done:
	case <-time.After(patience):
		ts.Fatalf("%s still runs %s after %s", name, patience, signal)
	}
	delete(running, name)
	return p
}
