package spool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/launch"
	"qm/cmd/qmserver/internal/patient"
	"qm/cmd/qmserver/internal/runfile"
	"qm/cmd/qmserver/internal/supervise"
	"qm/pkg/layout"
)

// TestMain lets this test be the supervisor that the launcher starts.
func TestMain(m *testing.M) {
	if supervise.Asked(os.Args) {
		os.Exit(supervise.Main())
	}
	os.Exit(m.Run())
}

// server is a spool with its launcher on a tree of its own.
type server struct {
	t        *testing.T
	tree     layout.Tree
	opt      Options
	accounts *launch.Accounts
	instead  func(*launch.Local) Launcher // nil: that itself
	stop     context.CancelFunc
	ended    chan error
	spool    chan *Spool // the first one
}

func newServer(t *testing.T) *server {
	tree := layout.Tree(filepath.Join(t.TempDir(), "QM"))
	return &server{t: t, tree: tree, spool: make(chan *Spool, 1), opt: Options{
		Tree: tree, Slots: 4, JobFiles: []string{"proc_config.cfg"},
		Poll: 20 * time.Millisecond, Settle: 40 * time.Millisecond, Grace: time.Second, Host: "here", Events: true,
	}}
}

// start runs the server until stop.
func (s *server) start() *server {
	s.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	s.stop, s.ended = stop, make(chan error, 1)
	go func() {
		_, err := s.run(ctx)
		s.ended <- err
	}()
	s.t.Cleanup(stop)
	return s
}

func (s *server) end() {
	s.t.Helper()
	s.stop()
	if err := <-s.ended; err != nil {
		s.t.Error(err)
	}
}

// drain runs the server until all is done.
func (s *server) drain() Result {
	s.t.Helper()
	s.opt.Drain = true
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	r, err := s.run(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	if ctx.Err() != nil {
		s.t.Fatal("it does not end")
	}
	return r
}

func (s *server) run(ctx context.Context) (Result, error) {
	lock, err := TakeLock(s.tree)
	if err != nil {
		return Result{}, err
	}
	defer lock.Release()
	log := slog.New(slog.NewTextHandler(testLog{s.t}, nil))
	local, err := launch.NewLocal(s.tree, s.accounts, nil, log)
	if err != nil {
		return Result{}, err
	}
	defer local.Close()
	var launcher Launcher = local
	if s.instead != nil {
		launcher = s.instead(local)
	}
	sp, err := New(s.opt, lock, launcher, log)
	if err != nil {
		return Result{}, err
	}
	select {
	case s.spool <- sp:
	default: // nobody asks for it
	}
	return sp.Run(ctx)
}

type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}

// put makes a job in the folder of the state.
func (s *server) put(state layout.State, name, cfg string) disk.Identity {
	s.t.Helper()
	dir := s.tree.Job(state, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "proc_config.cfg"), []byte("[QMOptions]\n"+native(cfg)+"\n"), 0o644); err != nil {
		s.t.Fatal(err)
	}
	f, err := disk.Lstat(dir)
	if err != nil {
		s.t.Fatal(err)
	}
	return f.Identity
}

// where returns the folders in which a job of this name lies.
func (s *server) where(name string) string {
	var found []string
	for _, state := range layout.States {
		if _, err := os.Lstat(s.tree.Job(state, name)); err == nil {
			found = append(found, state.String())
		}
	}
	return strings.Join(found, " ")
}

func (s *server) await(what string, cond func() bool) {
	s.t.Helper()
	patient.Until(s.t, what, cond)
}

func (s *server) read(state layout.State, name, file string) string {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.tree.Job(state, name), file))
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.ReplaceAll(string(data), "\r\n", "\n")
}

func (s *server) record(state layout.State, name string) *layout.Record {
	s.t.Helper()
	r, err := layout.ParseRecord([]byte(s.read(state, name, layout.RecordFile)))
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

func TestDrain(t *testing.T) {
	s := newServer(t)
	s.put(layout.Queued, "good", "script = echo out; echo err >&2")
	s.put(layout.Queued, "three", "script = exit 3")
	failed, where := 2, map[string]string{"good": "done", "three": "done", "none": "lost", "file": "queued"}
	if runtime.GOOS != "windows" { // there are no signals
		s.put(layout.Queued, "killed", "script = kill -SEGV $$")
		failed, where["killed"] = 3, "done"
	}
	s.put(layout.Queued, "none", "info = nothing to run")
	if err := os.WriteFile(s.tree.Job(layout.Queued, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := s.drain()
	if r.Failed != failed || len(r.Stays) != 1 || !strings.HasPrefix(r.Stays[0], "QM_qJobs/file: ") {
		t.Errorf("result %+v", r)
	}
	for name, want := range where {
		if got := s.where(name); got != want {
			t.Errorf("%s is in %q, want %q", name, got, want)
		}
	}
	if log := s.read(layout.Done, "good", layout.JobLog); !strings.Contains(log, "\nout\nerr\nJob finished at: ") {
		t.Errorf("log:\n%s", log)
	}
	if rec := s.record(layout.Done, "three"); *rec.Outcome != layout.Failed || *rec.ExitCode != 3 || rec.Signal != nil {
		t.Errorf("record of three: %+v", rec)
	}
	if rec := s.record(layout.Lost, "none"); *rec.Outcome != layout.Rejected || !strings.Contains(*rec.Reason, "script") {
		t.Errorf("record of none: %+v", rec)
	}
	if log := s.read(layout.Lost, "none", layout.JobLog); !strings.Contains(log, "script") {
		t.Errorf("log of none: %s", log)
	}
	if where["killed"] == "" {
		return
	}
	if rec := s.record(layout.Done, "killed"); *rec.Outcome != layout.Failed || *rec.Signal != 11 || rec.ExitCode != nil {
		t.Errorf("record of killed: %+v", rec)
	}
}

func TestNbProcIsLoweredToTheSlots(t *testing.T) {
	s := newServer(t)
	s.put(layout.Queued, "a", "nb_proc : 12\nscript = echo NB_PROC=$NB_PROC OMP=$OMP_NUM_THREADS")
	t.Setenv("OMP_NUM_THREADS", "2") // the user's own stays
	s.drain()
	log := s.read(layout.Done, "a", layout.JobLog)
	if !strings.Contains(log, "NB_PROC=4 OMP=2") || !strings.Contains(log, "nb_proc = 12 is more than") {
		t.Errorf("log:\n%s", log)
	}
}

// TestANameThatIsTaken: nothing is replaced, and old logs are kept.
func TestANameThatIsTaken(t *testing.T) {
	s := newServer(t)
	s.put(layout.Done, "a", "script = false")
	s.put(layout.Queued, "a", "script = true")
	s.drain()
	if got := s.read(layout.Done, "a", "proc_config.cfg"); !strings.Contains(got, native("script = false")) {
		t.Errorf("the first was replaced: %s", got)
	}
	stamped, _ := filepath.Glob(s.tree.Job(layout.Done, "a-*"))
	if len(stamped) != 1 {
		t.Fatalf("beside it lies %v", stamped)
	}
	// Dragged back it runs again, under its own name once that is free.
	if err := os.Rename(stamped[0], s.tree.Job(layout.Queued, filepath.Base(stamped[0]))); err != nil {
		t.Fatal(err)
	}
	s.drain()
	if _, err := os.Stat(filepath.Join(stamped[0], "process.1.log")); err != nil {
		t.Error(err)
	}
}

// TestRunAgain drags a finished job back while its supervisor still lives and
// kills nothing: it must run a second time.
func TestRunAgain(t *testing.T) {
	s := newServer(t).start()
	s.put(layout.Queued, "a", "script = echo x >>runs")
	for n := 1; n <= 3; n++ {
		s.await("done", func() bool { return s.where("a") == "done" })
		if got := len(s.read(layout.Done, "a", "runs")); got != 2*n {
			t.Fatalf("%d runs, want %d", got/2, n)
		}
		if err := os.Rename(s.tree.Job(layout.Done, "a"), s.tree.Job(layout.Queued, "a")); err != nil {
			t.Fatal(err)
		}
		s.await("taken", func() bool { return s.where("a") != "queued" })
	}
	s.await("done", func() bool { return s.where("a") == "done" })
	s.end()
}

// TestAdoption: a job outlives its server, and the next one finishes it.
func TestAdoption(t *testing.T) {
	s := newServer(t).start()
	s.put(layout.Queued, "a", "nb_proc = 3\nscript = echo x >>runs; while [ ! -e go ]; do sleep 0.02; done; exit 7")
	s.await("started", func() bool {
		_, err := os.Stat(filepath.Join(s.tree.Job(layout.Running, "a"), "runs"))
		return err == nil
	})
	s.end()
	s.put(layout.Queued, "b", "nb_proc = 2\nscript = true")
	s.start()
	s.await("the other waits", func() bool {
		q := s.queue()
		return len(q.Jobs) == 1 && q.Jobs[0].Reason == "needs 2 processors and 1 of 4 are free"
	})
	if err := os.WriteFile(filepath.Join(s.tree.Job(layout.Running, "a"), "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.await("done", func() bool { return s.where("a") == "done" && s.where("b") == "done" })
	s.end()
	if rec := s.record(layout.Done, "a"); *rec.ExitCode != 7 {
		t.Errorf("record %+v", rec)
	}
	if got := s.read(layout.Done, "a", "runs"); got != "x\n" {
		t.Errorf("runs: %q", got)
	}
}

func (s *server) queue() layout.Queue {
	var q layout.Queue
	data, err := os.ReadFile(s.tree.Path(layout.QueueFile))
	if err == nil {
		err = json.Unmarshal(data, &q)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) && !disk.IsInUse(err) { // it is being replaced
		s.t.Error(err)
	}
	return q
}

// TestRecovery puts folders into QM_Jobs beside what run files say of them.
func TestRecovery(t *testing.T) {
	code := 0
	ended := func(o layout.Outcome) *runfile.End { return &runfile.End{Outcome: o, ExitCode: &code} }
	for _, test := range []struct {
		what  string
		cfg   string
		lines []runfile.Line // their identity is filled in
		where string
		runs  string // what the job has written, once all is over
	}{
		{"never started", "", nil, "done", "x\n"},
		{"ended while no server ran", "", []runfile.Line{{Event: runfile.Starting}, {Event: runfile.Ended, End: ended(layout.Failed)}}, "done", ""},
		{"cut", "", []runfile.Line{{Event: runfile.Starting, Attempt: 1}}, "lost", ""},
		{"cut, to be run again", "rerun : yes", []runfile.Line{{Event: runfile.Starting, Attempt: 1}}, "done", "x\n"},
		{"cut a third time", "rerun : yes", []runfile.Line{{Event: runfile.Starting, Attempt: 3}}, "lost", ""},
		{"interrupted", "", []runfile.Line{{Event: runfile.Starting}, {Event: runfile.Ended, End: ended(layout.Interrupted)}}, "lost", ""},
		{"an end that is released", "", []runfile.Line{{Event: runfile.Ended, End: ended(layout.Succeeded)}, {Event: runfile.Released}}, "done", "x\n"},
	} {
		t.Run(test.what, func(t *testing.T) {
			s := newServer(t)
			id := s.put(layout.Running, "a", "script = echo x >>runs\n"+test.cfg)
			if err := os.MkdirAll(s.tree.Path(layout.RunDir), 0o755); err != nil {
				t.Fatal(err)
			}
			for i := range test.lines {
				test.lines[i].Rerun = strings.Contains(test.cfg, "rerun")
			}
			s.writeRun(id, test.lines)
			s.drain()
			if got := s.where("a"); got != test.where {
				t.Errorf("is in %q, want %q", got, test.where)
			}
			runs, _ := filepath.Glob(filepath.Join(string(s.tree), "*", "a", "runs"))
			var got string
			if len(runs) == 1 {
				data, _ := os.ReadFile(runs[0])
				got = strings.ReplaceAll(string(data), "\r\n", "\n")
			}
			if got != test.runs {
				t.Errorf("it ran: %q, want %q", got, test.runs)
			}
		})
	}
}

func (s *server) writeRun(id disk.Identity, lines []runfile.Line) {
	s.t.Helper()
	s.writeRunAs("earlier", id, lines)
}

func (s *server) writeRunAs(name string, id disk.Identity, lines []runfile.Line) {
	s.t.Helper()
	dir, err := os.OpenRoot(s.tree.Path(layout.RunDir))
	if err != nil {
		s.t.Fatal(err)
	}
	defer dir.Close()
	f, err := runfile.Create(dir, name)
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	for _, l := range lines {
		l.Identity = id
		if err := f.Append(l); err != nil {
			s.t.Fatal(err)
		}
	}
}

func TestARunFileThatCanNotBeRead(t *testing.T) {
	s := newServer(t)
	s.put(layout.Running, "a", "script = echo x >>runs")
	if err := os.MkdirAll(s.tree.Path(layout.RunDir), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.tree.Path(layout.RunDir), "torn"), []byte("what\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.drain()
	if got := s.where("a"); got != "lost" {
		t.Errorf("is in %q", got)
	}
	if rec := s.record(layout.Lost, "a"); *rec.Outcome != layout.Interrupted || !strings.Contains(*rec.Reason, "its record is gone") {
		t.Errorf("record %+v", rec)
	}
}

// TestASecondServer is refused, told who holds the tree.
func TestASecondServer(t *testing.T) {
	s := newServer(t).start()
	s.await("heartbeat", func() bool { return len(s.readHeart()) > 0 })
	_, err := TakeLock(s.tree)
	if !errors.Is(err, ErrHeld) || !strings.Contains(err.Error(), fmt.Sprintf("process %d on here", os.Getpid())) {
		t.Errorf("second server: %v", err)
	}
	s.end()
}

func (s *server) readHeart() string {
	data, _ := os.ReadFile(s.tree.Path(layout.HeartbeatFile))
	return string(data)
}

// TestTheLockIsTakenAway: another file at its place ends the server, which says
// nothing more in a tree that is another's.
func TestTheLockIsTakenAway(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("skipped: Windows does not remove a file that is open")
	}
	s := newServer(t).start()
	s.await("heartbeat", func() bool { return len(s.readHeart()) > 0 })
	if err := os.Remove(s.tree.Path(layout.LockFile)); err != nil {
		t.Fatal(err)
	}
	if err := <-s.ended; !errors.Is(err, ErrLockLost) {
		t.Errorf("ended with %v", err)
	}
	if heart := s.readHeart(); strings.Contains(heart, `"stopped":true`) {
		t.Errorf("its last word: %s", heart)
	}
}

// TestTheTreeIsAway: nothing starts, nothing is lost, and it goes on when the
// tree is back.
func TestTheTreeIsAway(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("skipped: Windows does not rename a folder in which a file is open")
	}
	s := newServer(t).start()
	s.await("heartbeat", func() bool { return len(s.readHeart()) > 0 })
	aside := string(s.tree) + "-aside"
	if err := os.Rename(string(s.tree), aside); err != nil {
		t.Fatal(err)
	}
	s.await("told", func() bool {
		data, _ := os.ReadFile(filepath.Join(aside, filepath.FromSlash(layout.HeartbeatFile)))
		return strings.Contains(string(data), "is gone")
	})
	if err := os.Rename(aside, string(s.tree)); err != nil {
		t.Fatal(err)
	}
	s.put(layout.Queued, "a", "script = true")
	s.await("done", func() bool { return s.where("a") == "done" })
	s.end()
}

// TestACopyIsWaitedFor writes to a folder more often than settle_time.
func TestACopyIsWaitedFor(t *testing.T) {
	s := newServer(t)
	s.opt.Settle = 300 * time.Millisecond
	s.start()
	s.put(layout.Queued, "a", "script = wc -c <data")
	f, err := os.Create(filepath.Join(s.tree.Job(layout.Queued, "a"), "data"))
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if _, err := io.WriteString(f, "0123456789"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond) // the copy is slow; this is what is tried here
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	s.await("done", func() bool { return s.where("a") == "done" })
	s.end()
	if log := s.read(layout.Done, "a", layout.JobLog); !strings.Contains(log, "\n200\n") {
		t.Errorf("it saw:\n%s", log)
	}
}

func TestPauseHoldsTheQueue(t *testing.T) {
	s := newServer(t)
	s.put(layout.Queued, "a", "script = true")
	pause := s.tree.Job(layout.Queued, "Pause.txt")
	if err := os.WriteFile(pause, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if r := s.drain(); len(r.Stays) != 1 || !strings.Contains(r.Stays[0], "paused") {
		t.Errorf("result %+v", r)
	}
	if err := os.Remove(pause); err != nil {
		t.Fatal(err)
	}
	s.drain()
	if got := s.where("a"); got != "done" {
		t.Errorf("is in %q", got)
	}
}

// TestOddNames are run like any other.
func TestOddNames(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("skipped: Windows does not hold such names")
	}
	s := newServer(t)
	names := []string{"-rf", "$(touch x)", "a\nb", `"'`, "\xff\xfe", strings.Repeat("n", 255), "a b&c;d"}
	for _, name := range names {
		s.put(layout.Queued, name, `script = printf %s "$QM_JOB" >name`)
	}
	s.drain()
	for _, name := range names {
		if got := s.where(name); got != "done" {
			t.Errorf("%q is in %q", name, got)
		} else if got := s.read(layout.Done, name, "name"); got != name {
			t.Errorf("%q was told it is %q", name, got)
		}
	}
}

// TestARunningJobIsRenamed inside QM_Jobs: that is dragging it away, so it is
// stopped; it is finished under its new name.
func TestARunningJobIsRenamed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("skipped: Windows does not rename a folder in which a program works")
	}
	s := newServer(t)
	s.put(layout.Queued, "a", "script = mv ../a ../b; echo x >>runs; sleep 600")
	if r := s.drain(); len(r.Stays) > 0 {
		t.Errorf("result %+v", r)
	}
	if got := s.where("b"); got != "done" {
		t.Fatalf("is in %q", got)
	}
	if rec := s.record(layout.Done, "b"); *rec.Outcome != layout.Stopped {
		t.Errorf("record %+v", rec)
	}
}

// TestLinkedInfoFiles: what a link in the folder leads to inside of it counts;
// any other link is refused in words.
func TestLinkedInfoFiles(t *testing.T) {
	s := newServer(t)
	s.put(layout.Queued, "good", "script = true")
	for name, target := range map[string]string{"inside": "own.cfg", "outside": "../good/proc_config.cfg", "nowhere": "none", "itself": "proc_config.cfg"} {
		s.put(layout.Queued, name, "script = true")
		dir := s.tree.Job(layout.Queued, name)
		if err := os.Rename(filepath.Join(dir, "proc_config.cfg"), filepath.Join(dir, "own.cfg")); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(dir, "proc_config.cfg")); err != nil {
			t.Skip(err)
		}
	}
	s.drain()
	for name, want := range map[string]string{"inside": "done", "outside": "lost", "nowhere": "lost", "itself": "lost"} {
		if got := s.where(name); got != want {
			t.Errorf("%s is in %q, want %q", name, got, want)
		}
	}
}

// TestWhatIsNoneOfOurs is left where it is.
func TestWhatIsNoneOfOurs(t *testing.T) {
	s := newServer(t)
	for _, name := range []string{".hidden", "@eaDir", "lost+found"} {
		s.put(layout.Queued, name, "script = true")
		s.put(layout.Running, name, "script = true")
	}
	if r := s.drain(); len(r.Stays) > 0 || r.Failed > 0 {
		t.Errorf("result %+v", r)
	}
	for _, name := range []string{".hidden", "@eaDir", "lost+found"} {
		if got := s.where(name); got != "queued running" {
			t.Errorf("%s is in %q", name, got)
		}
	}
}

// TestFoldersInFolders: too deep ones are refused before they cost anything.
func TestFoldersInFolders(t *testing.T) {
	s := newServer(t)
	s.put(layout.Queued, "deep", "script = true")
	s.put(layout.Queued, "good", "script = true")
	for name, depth := range map[string]int{"deep": 300, "good": 50} {
		dir := s.tree.Job(layout.Queued, name) + strings.Repeat("/d", depth)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.drain()
	if s.where("deep") != "lost" || s.where("good") != "done" {
		t.Errorf("deep is in %q, good in %q", s.where("deep"), s.where("good"))
	}
}

// drag moves a job from folder to folder, as a user does.
func (s *server) drag(from, to layout.State, name string) {
	s.t.Helper()
	if err := os.Rename(s.tree.Job(from, name), s.tree.Job(to, name)); err != nil {
		s.t.Fatal(err)
	}
}

// touch makes a file in the tree, and tell reads one.
func (s *server) touch(file string) {
	s.t.Helper()
	if err := os.WriteFile(s.tree.Path(file), nil, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) tell(file string) string {
	data, _ := os.ReadFile(s.tree.Path(file))
	return strings.ReplaceAll(string(data), "\r\n", "\n")
}
