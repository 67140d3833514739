package spool

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"qm/cmd/qmserver/internal/proc"
	"qm/cmd/qmserver/internal/runfile"
	"qm/pkg/layout"
)

// TestWhatIsLeftOfACutRun: server and supervisor are dead, a process of the
// job lives. It is ended before the job is run again.
func TestWhatIsLeftOfACutRun(t *testing.T) {
	s := newServer(t)
	id := s.put(layout.Running, "a", "script = kill -0 $(cat left) && echo beside >>runs; echo x >>runs\nrerun : yes")
	if err := os.MkdirAll(s.tree.Path(layout.RunDir), 0o755); err != nil {
		t.Fatal(err)
	}
	s.writeRun(id, []runfile.Line{{Event: runfile.Starting, Attempt: 1, Rerun: true}})
	left := exec.Command("sleep", "600")
	left.Env = append(os.Environ(), "QM_RUN=earlier")
	left.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := left.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() { _ = left.Wait(); close(gone) }()
	if err := os.WriteFile(filepath.Join(s.tree.Job(layout.Running, "a"), "left"), []byte(strconv.Itoa(left.Process.Pid)), 0o600); err != nil {
		t.Fatal(err)
	}
	s.drain()
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		t.Error("it lives")
		_ = left.Process.Kill()
	}
	if got := s.read(layout.Done, "a", "runs"); got != "x\n" {
		t.Errorf("runs: %q", got)
	}
	if rec := s.record(layout.Done, "a"); rec.Attempt != 2 {
		t.Errorf("attempt %d, want 2", rec.Attempt)
	}
}

// TestASupervisorIsKilled: what its job started in sessions of its own is ended
// and the job parked, with its log.
func TestASupervisorIsKilled(t *testing.T) {
	s := newServer(t)
	s.await("the supervisors of other tests are gone", func() bool { return len(proc.Children()) == 0 })
	s.start()
	s.put(layout.Queued, "a", `script = (env -i setsid sh -c 'echo $$ >orphan; exec sleep 600' &) ; echo here; while [ ! -s orphan ]; do sleep 0.01; done; touch ready; sleep 600`)
	s.await("ready", func() bool {
		_, err := os.Stat(filepath.Join(s.tree.Job(layout.Running, "a"), "ready"))
		return err == nil
	})
	orphan, err := strconv.Atoi(strings.TrimSpace(s.read(layout.Running, "a", "orphan")))
	if err != nil {
		t.Fatal(err)
	}
	for _, pid := range proc.Children() {
		if err := proc.Kill(pid); err != nil {
			t.Error(err)
		}
	}
	s.await("lost", func() bool { return s.where("a") == "lost" })
	if syscall.Kill(orphan, 0) == nil {
		t.Error("something is left")
	}
	if log := s.read(layout.Lost, "a", layout.JobLog); !strings.Contains(log, "\nhere\n") || !strings.Contains(log, "QM: interrupted at") {
		t.Errorf("log:\n%s", log)
	}
	s.end()
}

// TestAttemptsOutliveTheServer: an attempt that was cut counts although the
// server ends before the next.
func TestAttemptsOutliveTheServer(t *testing.T) {
	s := newServer(t)
	id := s.put(layout.Running, "a", "script = echo x >>runs\nrerun : yes")
	if err := os.MkdirAll(s.tree.Path(layout.RunDir), 0o755); err != nil {
		t.Fatal(err)
	}
	s.writeRun(id, []runfile.Line{{Event: runfile.Starting, Attempt: 2, Rerun: true}})
	pause := s.tree.Job(layout.Queued, "PAUSE")
	if err := os.MkdirAll(filepath.Dir(pause), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(pause, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.drain()
	if got := s.where("a"); got != "queued" {
		t.Fatalf("is in %q", got)
	}
	if err := os.Remove(pause); err != nil {
		t.Fatal(err)
	}
	s.drain()
	if rec := s.record(layout.Done, "a"); rec.Attempt != 3 {
		t.Errorf("attempt %d, want 3", rec.Attempt)
	}
}

// busy is a job that says that it runs, alone, until it is ended.
const busy = `script = mkdir alone || echo beside >>runs; echo x >>runs; trap 'sleep 0.3; rmdir alone; exit' TERM; while [ ! -e go ]; do sleep 0.02; done; rmdir alone`

// startBusy starts a server with a busy job and ends the server.
func startBusy(t *testing.T) *server {
	t.Helper()
	s := newServer(t).start()
	s.put(layout.Queued, "a", busy)
	s.await("it runs", func() bool {
		_, err := os.Stat(filepath.Join(s.tree.Job(layout.Running, "a"), "runs"))
		return err == nil
	})
	s.end()
	return s
}

// TestTheRecordsAreGone: who removes .qm, or the run files in it, or spoils one,
// does not have a job run twice. It is waited for, and then parked.
func TestTheRecordsAreGone(t *testing.T) {
	for what, do := range map[string]func(s *server) error{
		"the tree's own": func(s *server) error { return os.RemoveAll(s.tree.Path(layout.Own)) },
		"the folder":     func(s *server) error { return os.RemoveAll(s.tree.Path(layout.RunDir)) },
		"a file":         func(s *server) error { return os.Remove(s.onlyRunFile()) },
		"a line":         func(s *server) error { return os.WriteFile(s.onlyRunFile(), []byte("garbage\n"), 0o600) },
	} {
		s := startBusy(t)
		if err := do(s); err != nil {
			t.Fatal(err)
		}
		for _, server := range []string{"one server", "the next"} {
			s.start()
			s.await("it is waited for", func() bool {
				return slices.ContainsFunc(s.queue().Notes, func(n layout.Note) bool {
					return n.ID == "a" && strings.Contains(n.Text, "its record is gone: waits")
				})
			})
			if got := s.where("a"); got != "running" {
				t.Fatalf("%s, %s: is in %q", what, server, got)
			}
			s.end()
		}
		if err := os.WriteFile(filepath.Join(s.tree.Job(layout.Running, "a"), "go"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		s.drain()
		if got := s.where("a"); got != "lost" {
			t.Fatalf("%s: is in %q", what, got)
		}
		if got := s.read(layout.Lost, "a", "runs"); got != "x\n" {
			t.Errorf("%s: runs %q", what, got)
		}
		if log := s.read(layout.Lost, "a", layout.JobLog); !strings.Contains(log, "Job finished at") || !strings.Contains(log, "its record is gone") {
			t.Errorf("%s: log\n%s", what, log)
		}
	}
}

// onlyRunFile is the path of the run file that is there.
func (s *server) onlyRunFile() string {
	s.t.Helper()
	all, err := filepath.Glob(s.tree.Path(layout.RunDir) + "/*")
	if err != nil || len(all) != 1 {
		s.t.Fatalf("run files: %q, %v", all, err)
	}
	return all[0]
}

// TestDraggedBackWhileNoServerRuns: a job that runs is put into the queue. It
// runs anew once its old processes are gone.
func TestDraggedBackWhileNoServerRuns(t *testing.T) {
	s := startBusy(t)
	if err := os.Rename(s.tree.Job(layout.Running, "a"), s.tree.Job(layout.Queued, "a")); err != nil {
		t.Fatal(err)
	}
	s.start()
	s.await("it runs anew", func() bool {
		data, _ := os.ReadFile(filepath.Join(s.tree.Job(layout.Running, "a"), "runs"))
		return strings.Count(string(data), "\n") >= 2
	})
	if err := os.WriteFile(filepath.Join(s.tree.Job(layout.Running, "a"), "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.await("it is done", func() bool { return s.where("a") == "done" })
	s.end()
	if got := s.read(layout.Done, "a", "runs"); got != "x\nx\n" {
		t.Errorf("runs: %q", got)
	}
}

// TestAQueuedFolderWhoseEarlierRunLives waits until that is over, whatever its
// files look like.
func TestAQueuedFolderWhoseEarlierRunLives(t *testing.T) {
	s := newServer(t)
	id := s.put(layout.Queued, "a", "script = echo x >>runs")
	run := s.liveRun(runfile.Line{Event: runfile.Starting, Identity: id, JobID: "a", Attempt: 1})
	s.start()
	s.await("it waits for that", func() bool {
		return slices.ContainsFunc(s.queue().Jobs, func(j layout.QueueJob) bool {
			return strings.Contains(j.Reason, "what is left of its earlier run")
		})
	})
	if got := s.where("a"); got != "queued" {
		t.Errorf("is in %q", got)
	}
	if err := run.Close(); err != nil { // its supervisor is gone
		t.Fatal(err)
	}
	s.await("it is done", func() bool { return s.where("a") == "done" })
	s.end()
}

// TestWhatDoesNotDie is named on the page as long as it keeps its slots.
func TestWhatDoesNotDie(t *testing.T) {
	s := newServer(t)
	id := s.put(layout.Running, "a", "script = true")
	run := s.liveRun(runfile.Line{Event: runfile.Starting, Identity: id, JobID: "a", Attempt: 1, NbProc: 3})
	s.start()
	s.await("it is adopted", func() bool { return strings.Contains(s.readHeart(), `"slots_used":3`) })
	if err := run.Append(runfile.Line{Event: runfile.Starting, Identity: id, JobID: "a", Attempt: 1, NbProc: 3, Undying: `"hung" (4711)`}); err != nil {
		t.Fatal(err)
	}
	named := func() bool {
		return slices.ContainsFunc(s.queue().Notes, func(n layout.Note) bool {
			return n.ID == "a" && n.Folder == layout.Running.Folder() && strings.Contains(n.Text, `"hung" (4711)`)
		})
	}
	s.await("it is named", named)
	if !strings.Contains(s.readHeart(), `"slots_used":3`) {
		t.Errorf("it has lost its slots: %s", s.readHeart())
	}
	code := 0
	if err := run.Append(runfile.Line{Event: runfile.Ended, Identity: id, JobID: "a", Attempt: 1, End: &runfile.End{Outcome: layout.Stopped, ExitCode: &code}}); err != nil {
		t.Fatal(err)
	}
	if err := run.Close(); err != nil {
		t.Fatal(err)
	}
	s.await("it is done", func() bool { return s.where("a") == "done" && !named() })
	s.end()
}

// liveRun is the run file of a supervisor that lives until it is closed.
func (s *server) liveRun(lines ...runfile.Line) *runfile.File {
	s.t.Helper()
	if err := os.MkdirAll(s.tree.Path(layout.RunDir), 0o711); err != nil {
		s.t.Fatal(err)
	}
	dir, err := os.OpenRoot(s.tree.Path(layout.RunDir))
	if err != nil {
		s.t.Fatal(err)
	}
	defer dir.Close()
	run, err := runfile.Create(dir, "earlier")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, l := range lines {
		if err := run.Append(l); err != nil {
			s.t.Fatal(err)
		}
	}
	return run
}

// TestAParkedJobThatComesBack is a new one: its attempts begin anew, though the
// server ended right after it was parked.
func TestAParkedJobThatComesBack(t *testing.T) {
	for _, lines := range [][]runfile.Line{
		{{Event: runfile.Starting, Attempt: maxAttempts, Rerun: true}},
		{{Event: runfile.Starting, Attempt: maxAttempts, Rerun: true}, {Event: runfile.Ended, Attempt: maxAttempts, Rerun: true, End: &runfile.End{Outcome: layout.Interrupted}}},
	} {
		s := newServer(t)
		id := s.put(layout.Running, "a", "script = true\nrerun : yes")
		if err := os.MkdirAll(s.tree.Path(layout.RunDir), 0o711); err != nil {
			t.Fatal(err)
		}
		s.writeRun(id, lines)
		s.drain()
		if got := s.where("a"); got != "lost" {
			t.Fatalf("is in %q", got)
		}
		if err := os.Rename(s.tree.Job(layout.Lost, "a"), s.tree.Job(layout.Queued, "a")); err != nil {
			t.Fatal(err)
		}
		s.drain()
		if rec := s.record(layout.Done, "a"); rec.Attempt != 1 {
			t.Errorf("attempt %d, want 1", rec.Attempt)
		}
	}
}

// TestWishesOfADeadServer are cleared away once nobody is left to heed them.
func TestWishesOfADeadServer(t *testing.T) {
	s := newServer(t)
	live := s.put(layout.Running, "a", "script = true")
	run := s.liveRun(runfile.Line{Event: runfile.Starting, Identity: live, JobID: "a"})
	defer run.Close()
	dead := s.tree.Path(layout.RunDir + "/20261122-131502.000001-1-1.77.stop")
	heeded := s.tree.Path(layout.RunDir + "/earlier.77.stop")
	for _, path := range []string{dead, heeded} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.start()
	s.await("it is gone", func() bool { _, err := os.Lstat(dead); return os.IsNotExist(err) })
	if _, err := os.Lstat(heeded); err != nil {
		t.Errorf("that of a supervisor that lives is gone too: %v", err)
	}
	s.end()
}
