package spool

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/launch"
	"qm/cmd/qmserver/internal/runfile"
	"qm/pkg/layout"
)

const (
	nobody   = 65534 // of every Debian, and of most others
	stranger = 54321 // a number that nobody has
)

// newOwnerServer is a server that runs jobs as the owners of their folders.
func newOwnerServer(t *testing.T) *server {
	if os.Geteuid() != 0 {
		t.Skip("jobs run as their owners only where this test is root")
	}
	s := newServer(t)
	s.accounts = &launch.Accounts{Path: "/usr/local/bin:/usr/bin:/bin"}
	s.opt.Owners = true
	for dir := filepath.Dir(string(s.tree)); dir != os.TempDir(); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// give makes a queued job that belongs to uid.
func (s *server) give(name, cfg string, uid int) string {
	s.t.Helper()
	s.put(layout.Queued, name, cfg)
	dir := s.tree.Job(layout.Queued, name)
	s.chown(dir, uid)
	s.chown(filepath.Join(dir, "proc_config.cfg"), uid)
	return dir
}

func (s *server) chown(path string, uid int) {
	s.t.Helper()
	if err := os.Lchown(path, uid, uid); err != nil {
		s.t.Fatal(err)
	}
}

func TestJobsRunAsTheirOwners(t *testing.T) {
	s := newOwnerServer(t)
	t.Setenv("SECRET", "of root")
	s.give("a", `script = id -u; id -g; umask; echo "$HOME $USER s=$SECRET"; touch made; cat /proc/$PPID/environ; ls /proc/$PPID/fd`, nobody)
	s.give("r", "script = id -u", 0)
	s.give("x", "script = id -u", stranger)
	s.drain()
	log := s.read(layout.Done, "a", layout.JobLog)
	for _, want := range []string{"\n65534\n65534\n0022\n", "nobody s=\n"} {
		if !strings.Contains(log, want) {
			t.Errorf("no %q in\n%s", want, log)
		}
	}
	if strings.Count(log, "Permission denied") != 2 {
		t.Errorf("the job reads what its supervisor has:\n%s", log)
	}
	for _, file := range []string{"made", layout.JobLog, layout.RecordFile} {
		info, err := os.Lstat(filepath.Join(s.tree.Job(layout.Done, "a"), file))
		if err != nil {
			t.Error(err)
		} else if uid := disk.DetailsOf(info).UID; uid != nobody {
			t.Errorf("%s belongs to %d", file, uid)
		}
	}
	if log := s.read(layout.Done, "r", layout.JobLog); !strings.Contains(log, "\n0\n") {
		t.Errorf("root's own job:\n%s", log)
	}
	if got := s.where("x"); got != "lost" {
		t.Errorf("a job of nobody's is in %q", got)
	}
}

// TestWhatOthersCouldChangeIsNotRun: it waits, with the line to type.
func TestWhatOthersCouldChangeIsNotRun(t *testing.T) {
	s := newOwnerServer(t)
	folder := s.give("folder", "script = true", nobody)
	file := s.give("file", "script = true", nobody)
	foreign := s.give("foreign", "script = true", nobody)
	for path, mode := range map[string]os.FileMode{folder: 0o775, filepath.Join(file, "proc_config.cfg"): 0o664} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	s.chown(filepath.Join(foreign, "proc_config.cfg"), 1)
	r := s.drain()
	if len(r.Stays) != 3 {
		t.Fatalf("stays: %q", r.Stays)
	}
	for _, line := range r.Stays {
		remedy := "chmod -R go-w "
		if strings.Contains(line, "foreign") {
			remedy = "chown it to that one, or foreign to the other"
		}
		if !strings.Contains(line, remedy) {
			t.Errorf("no remedy in %q", line)
		}
	}
}

// TestAUserCanNotMisleadRoot: links in a job's folder lead nowhere that its
// owner could not go alone.
func TestAUserCanNotMisleadRoot(t *testing.T) {
	s := newOwnerServer(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("[QMOptions]\nscript = echo secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, link := range map[string]string{"log": layout.JobLog, "info": "proc_config.cfg", "own": layout.Own} {
		dir := s.give(name, "nothing = to run", nobody)
		_ = os.Remove(filepath.Join(dir, link))
		if err := os.Symlink(secret, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
		s.chown(filepath.Join(dir, link), nobody)
	}
	s.drain()
	for _, name := range []string{"log", "info", "own"} {
		if got := s.where(name); got != "lost" {
			t.Errorf("%s is in %q", name, got)
		}
	}
	data, err := os.ReadFile(secret)
	if err != nil || string(data) != "[QMOptions]\nscript = echo secret\n" {
		t.Errorf("the secret is now %q, %v", data, err)
	}
}

// TestFoldersThatAllMayWriteAreSticky, or the server does not start.
func TestFoldersThatAllMayWriteAreSticky(t *testing.T) {
	s := newOwnerServer(t)
	s.drain()
	for _, state := range layout.States {
		if info, err := os.Stat(s.tree.Folder(state)); err != nil || info.Mode()&os.ModeSticky == 0 || info.Mode().Perm() != 0o777 {
			t.Errorf("%s: %v, %v", state.Folder(), info.Mode(), err)
		}
	}
	if err := os.Chmod(s.tree.Folder(layout.Done), 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := s.run(t.Context()); err == nil || !strings.Contains(err.Error(), "chmod +t") {
		t.Errorf("started with a folder where all may move all: %v", err)
	}
}

// TestARunFileOfAnotherUsers is not believed about a folder: the job is run.
func TestARunFileOfAnotherUsers(t *testing.T) {
	s := newOwnerServer(t)
	if err := os.MkdirAll(s.tree.Path(layout.RunDir), 0o711); err != nil {
		t.Fatal(err)
	}
	id := s.put(layout.Running, "a", "script = echo ran")
	for _, path := range []string{"", "proc_config.cfg"} {
		s.chown(filepath.Join(s.tree.Job(layout.Running, "a"), path), nobody)
	}
	code := 0
	forged := runfile.Line{Event: runfile.Ended, JobID: "a", End: &runfile.End{Outcome: layout.Succeeded, ExitCode: &code}}
	s.writeRunAs(runfile.NameFor("earlier", 1), id, []runfile.Line{forged})
	s.drain()
	if got := s.where("a"); got != "done" || !strings.Contains(s.read(layout.Done, "a", layout.JobLog), "\nran\n") {
		t.Errorf("is in %q, not run", got)
	}
	dir, err := os.ReadDir(s.tree.Path(layout.RunDir))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range dir {
		if !strings.HasSuffix(e.Name(), fmt.Sprintf("-u%d", nobody)) && e.Name() != runfile.NameFor("earlier", 1) {
			t.Errorf("run file %s does not say whose it is", e.Name())
		}
	}
}

// manyUsers are more than there are slots and readings at once.
const manyUsers = 50

// TestManyUsers runs jobs of many users at once, in a mount namespace of its
// own where there are so many.
func TestManyUsers(t *testing.T) {
	s := newOwnerServer(t)
	const first = 40000
	if os.Getenv("QM_TEST_USERS") == "" {
		inNamespace(t, first)
		return
	}
	s.opt.Slots = 8
	for n := range manyUsers {
		for _, job := range []string{"a", "b"} {
			s.give(fmt.Sprint(job, n), "script = id -un; id -u; touch mine; ls -n", first+n)
		}
	}
	s.drain()
	for n := range manyUsers {
		for _, job := range []string{"a", "b"} {
			name := fmt.Sprint(job, n)
			if got := s.where(name); got != "done" {
				t.Errorf("%s is in %q", name, got)
				continue
			}
			log := s.read(layout.Done, name, layout.JobLog)
			if want := fmt.Sprintf("user: u%d,", n); !strings.Contains(log, want) {
				t.Errorf("%s: no %q in\n%s", name, want, log)
			}
			if want := fmt.Sprintf("\nu%d\n%d\n", n, first+n); !strings.Contains(log, want) {
				t.Errorf("%s: no %q in\n%s", name, want, log)
			}
		}
	}
}

// inNamespace runs the calling test again where there are manyUsers more users.
func inNamespace(t *testing.T, first int) {
	t.Helper()
	passwd, err := os.ReadFile("/etc/passwd")
	if err != nil {
		t.Fatal(err)
	}
	for n := range manyUsers {
		passwd = fmt.Appendf(passwd, "u%d:x:%d:%d::/nonexistent:/bin/sh\n", n, first+n, first+n)
	}
	file := filepath.Join(t.TempDir(), "passwd")
	if err := os.WriteFile(file, passwd, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", "-m", "sh", "-c", `mount --bind "$1" /etc/passwd || exit 77; shift; exec "$@"`, "sh",
		file, os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), "QM_TEST_USERS=1")
	out, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() == 77) {
		t.Skipf("a mount namespace can't be had: %v\n%s", err, out)
	}
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
