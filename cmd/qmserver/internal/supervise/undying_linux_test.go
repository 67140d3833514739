package supervise

import (
	"encoding/json"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"qm/cmd/qmserver/internal/account"
	"qm/cmd/qmserver/internal/runfile"
	"qm/pkg/layout"
)

const (
	impatient  = "QM_TEST_IMPATIENT" // this test's supervisors tell soon what does not die
	becomeRoot = "-become-root"
)

// outlive is a process that its supervisor may not end, until there is a file
// named release.
func outlive() {
	signal.Ignore(syscall.SIGTERM, syscall.SIGCONT)
	if err := syscall.Setuid(0); err != nil {
		panic(err)
	}
	for {
		if _, err := os.Stat("release"); err == nil {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// TestWhatDoesNotDie is told in the log and in the run file, and waited for.
func TestWhatDoesNotDie(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a process that can't be killed is one of root's: not without root")
	}
	const nobody = 65534
	p := newProcess(t, impatient+"=1")
	j := p.job("a", `"$PROGRAM" `+becomeRoot)
	j.Command = strings.Replace(j.Command, "$PROGRAM", setuidCopy(t, p.folder), 1)
	for _, path := range []string{p.folder, filepath.Dir(p.folder)} {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chown(p.path("a", ""), nobody, nobody); err != nil {
		t.Fatal(err)
	}
	in := json.NewEncoder(p.stdin)
	if err := in.Encode(Task{Become: &account.Account{UID: nobody, GID: nobody, Name: "nobody"}}); err != nil {
		t.Fatal(err)
	}
	if err := in.Encode(Task{Run: &j, AsOwner: true}); err != nil {
		t.Fatal(err)
	}
	p.await("it runs", p.exists("a", layout.JobLog))
	if err := os.WriteFile(p.path("a", "STOP"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p.await("the run file tells", func() bool {
		run, err := runfile.Read(p.runs, "run")
		if err != nil {
			t.Fatal(err)
		}
		line := run.Last[j.Identity]
		return line.Event == runfile.Starting && line.Attempt == 1 && line.JobID == "a" && line.Undying != ""
	})
	if log := p.log("a"); !strings.Contains(log, "does not die, and keeps its processors") {
		t.Errorf("log:\n%s", log)
	}
	if err := os.WriteFile(p.path("a", "release"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if a := p.answer(); a.Outcome != layout.Stopped {
		t.Errorf("%+v", a)
	}
}

// setuidCopy copies this program so that it runs as root.
func setuidCopy(t *testing.T, dir string) string {
	t.Helper()
	from, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	path := filepath.Join(dir, "program")
	to, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(to, from)
	if err2 := to.Close(); err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	if err := os.Chmod(path, 0o755|os.ModeSetuid); err != nil {
		t.Fatal(err)
	}
	return path
}
