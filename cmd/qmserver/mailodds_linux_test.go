package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/mailtest"
	"qm/cmd/qmserver/internal/patient"
	"qm/cmd/qmserver/internal/runfile"
	"qm/pkg/layout"
)

// headers returns the names of a mail's headers, in order.
func headers(m mailtest.Mail) []string {
	head, _, _ := strings.Cut(m.Data, "\n\n")
	var names []string
	for line := range strings.Lines(head) {
		if name, _, found := strings.Cut(line, ":"); found && !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t") {
			names = append(names, name)
		}
	}
	return names
}

// TestMailOfEvilJobs: whatever a job is called, says of itself and prints, its
// mail has the headers that every mail has, and goes to nobody else.
func TestMailOfEvilJobs(t *testing.T) {
	const evil = "\r\nBcc: you@example.org\r\n\r\n.\r\nMAIL FROM:<you@example.org>\r\n"
	const xml = `<PARAMETER><script value="true"/><e_mail value="%s"/><info value="%s"/></PARAMETER>`
	m := newMailTree(t, &mailtest.Server{}, "")
	m.submit("plain", "script = true")
	m.submit("named"+evil+"\x1b[31m\u202e\xff", "script = true")
	m.submit("prints", `script = printf '\r\nBcc: you@example.org\r\n.\r\nQUIT\r\n\000\033[31m%0999d\r\n' 7; exit 3`)
	m.submit("wide", "script = true\ninfo = "+strings.Repeat("ü", 3000))
	for name, text := range map[string]string{
		"info":    fmt.Sprintf(xml, "me@example.org", "x&#13;&#10;Bcc: you@example.org&#13;&#10;&#13;&#10;."),
		"address": fmt.Sprintf(xml, "me@example.org&#13;&#10;Bcc: you@example.org", "x"),
		"second":  fmt.Sprintf(xml, "me@example.org, you@example.org", "x"),
		"command": fmt.Sprintf(xml, "me@example.org&gt; NOTIFY=NEVER", "x"),
	} {
		m.write(filepath.Join("QM", layout.Queued.Folder(), name, "infos.xml"), text)
	}
	m.write(filepath.Join("QM", layout.Queued.Folder(), "control", "proc_config.cfg"), "[QMOptions]\nscript = true\ne_mail = me@example.org\ninfo = a\x00b\n")
	_ = m.drain("run") // it tells that some failed
	var want []string
	for _, mail := range m.smtp.Mails() {
		if mail.Header("Subject") == "QM: plain succeeded" {
			want = headers(mail)
		}
	}
	if len(want) < 8 {
		t.Fatalf("%q\n%s", want, m.stderr())
	}
	told := 0
	for _, mail := range m.smtp.Mails() {
		if got := headers(mail); !slices.Equal(got, want) || mail.To != "me@example.org" || mail.From != "qm@example.org" || mail.Header("To") != "<me@example.org>" {
			t.Errorf("from %s to %s, headers %q, want %q", mail.From, mail.To, got, want)
		}
		if text := m.body(mail.Header("Subject")); strings.ContainsAny(text, "\r\x00\x1b\u202e") || strings.Contains(text, "\nBcc:") {
			t.Errorf("%q", text)
		}
		told++
	}
	// "info" is refused, which its owner is told; those of "address", "second" and
	// "command" name nobody, and of "control" nothing can be read.
	if told != 5 {
		t.Errorf("%d mails: %q", told, m.subjects())
	}
}

// TestMailOfThousandAtOnce: what ends while no server runs is told of at the
// next start, each once and over one connection.
func TestMailOfThousandAtOnce(t *testing.T) {
	const many = 1000
	m := newMailTree(t, &mailtest.Server{}, "")
	var lines []runfile.Line
	code := 0
	for n := range many {
		name := fmt.Sprint("job", n)
		id := m.job(layout.Running, name, name, "script = true")
		end := &runfile.End{Outcome: layout.Succeeded, ExitCode: &code}
		lines = append(lines, runfile.Line{Event: runfile.Starting, Identity: id, EMail: "me@example.org"}, runfile.Line{Event: runfile.Ended, Identity: id, EMail: "me@example.org", End: end})
	}
	m.runFile("ended", lines...)
	if err := m.drain("run"); err != nil {
		t.Errorf("%v\n%s", err, tail(m.stderr()))
	}
	subjects := m.subjects()
	if n := len(subjects); n != many || len(slices.Compact(subjects)) != many {
		t.Errorf("%d mails, %d different", n, len(slices.Compact(subjects)))
	}
	if total, _ := m.smtp.Connections(); total != 1 {
		t.Errorf("%d connections", total)
	}
	if done, _ := filepath.Glob(filepath.Join(m.tree.Folder(layout.Done), "*")); len(done) != many {
		t.Errorf("%d are done", len(done))
	}
}

// liveMail is a server that goes on, and mails.
func liveMail(t *testing.T, s *mailtest.Server) (*live, mailTree) {
	t.Helper()
	m := newMailTree(t, s, "")
	l := &live{crashTree: m.crashTree}
	l.start()
	t.Cleanup(func() { l.kill() })
	return l, m
}

func (m mailTree) heartbeat() *layout.Heartbeat {
	m.t.Helper()
	data, err := os.ReadFile(m.tree.Path(layout.HeartbeatFile))
	if err != nil {
		m.t.Fatal(err)
	}
	beat, err := layout.ParseHeartbeat(data)
	if err != nil {
		m.t.Fatal(err)
	}
	return beat
}

// TestMailThatWaitsIsTold in the heartbeat: how many, since when and why.
func TestMailThatWaitsIsTold(t *testing.T) {
	s := &mailtest.Server{}
	l, m := liveMail(t, s)
	if m.heartbeat().Mail != nil {
		t.Error("it tells of mail before there is any")
	}
	s.Stop()
	m.submit("fit", "script = true")
	var told *layout.WaitingMail
	l.await("the heartbeat tells", func() bool { told = m.heartbeat().Mail; return told != nil && told.Problem != "" })
	if told.Waiting != 1 || !told.Next.After(told.Since) || !strings.Contains(told.Problem, "connection refused") {
		t.Errorf("%+v", told)
	}
}

// TestMailOfAdoptedJob: the server is killed while a job runs; the next one knows
// what to tell and whom.
func TestMailOfAdoptedJob(t *testing.T) {
	s := &mailtest.Server{}
	l, m := liveMail(t, s)
	m.submit("fit", "script = touch runs; while [ ! -e ../../../gate ]; do sleep 0.02; done\ninfo = fit of the March series")
	l.await("it runs", func() bool {
		_, err := os.Stat(filepath.Join(m.tree.Job(layout.Running, "fit"), "runs"))
		return err == nil
	})
	_ = l.server.Process.Kill()
	_ = l.server.Wait()
	l.start()
	m.write("gate", "")
	s.Await(t, 1)
	if body := m.body("QM: fit succeeded"); !strings.Contains(body, "Info:       fit of the March series\n") || !strings.Contains(body, "\nStarted: ") {
		t.Error(body)
	}
}

// TestMailOfFolderThatIsTakenAway: who takes a running job away is told of its
// end all the same.
func TestMailOfFolderThatIsTakenAway(t *testing.T) {
	s := &mailtest.Server{}
	l, m := liveMail(t, s)
	m.submit("fit", "script = touch runs; sleep 60")
	at := m.tree.Job(layout.Running, "fit")
	l.await("it runs", func() bool { _, err := os.Stat(filepath.Join(at, "runs")); return err == nil })
	if err := os.Rename(at, filepath.Join(m.dir, "elsewhere")); err != nil {
		t.Fatal(err)
	}
	s.Await(t, 1)
	if body := m.body("QM: fit was stopped (signal 15)"); !strings.Contains(body, "Folder:     taken away\n") || strings.Contains(body, "Page:") {
		t.Errorf("%q: %s", m.subjects(), body)
	}
}

// TestMailOfOwners: as root, a job that only its owner may read is told of, and
// the server reads nothing of it itself.
func TestMailOfOwners(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("skipped: jobs run as their owners only where this test is root")
	}
	const nobody = 65534
	s := &mailtest.Server{}
	m := newMailTree(t, s, "run_as = owner\n")
	for dir := m.dir; dir != os.TempDir(); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	m.submit("good", "script = id -u\ninfo = of nobody")
	m.submit("refused", "nb_proc = 1")
	for _, name := range []string{"good", "refused"} {
		at := m.tree.Job(layout.Queued, name)
		if out, err := exec.Command("chown", "-R", fmt.Sprint(nobody), at).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		if err := os.Chmod(at, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	_ = m.drain("run") // one is refused
	if got := m.subjects(); !slices.Equal(got, []string{"QM: good succeeded", "QM: refused was not run"}) {
		t.Fatalf("%q\n%s", got, m.stderr())
	}
	if body := m.body("QM: good succeeded"); !strings.Contains(body, "    65534\n") || !strings.Contains(body, "Info:       of nobody\n") {
		t.Error(body)
	}
	if body := m.body("QM: refused was not run"); !strings.Contains(body, "    QM: rejected at ") {
		t.Error(body)
	}
	for path, want := range map[string]os.FileMode{layout.OutboxDir: 0o700, layout.OutboxDir + "/failed": 0o700} {
		info, err := os.Stat(m.tree.Path(path))
		if err != nil || info.Mode().Perm() != want || disk.DetailsOf(info).UID != 0 {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
}

// TestMailOfFullDisk: a job ends whose mail can't be written: it waits for room
// with its mail, and is told of once.
func TestMailOfFullDisk(t *testing.T) {
	s := &mailtest.Server{}
	s.Start(t)
	d := newSmallDisk(t, "MailActive = yes\nsmtp_host = 127.0.0.1\nsmtp_port = "+s.Port()+"\nmail_from = qm@example.org\n")
	d.drop("a", "e_mail = me@example.org\nscript = touch runs; while [ -e wait ]; do sleep 0.02; done")
	at := d.tree.Job(layout.Running, "a")
	d.await("it runs", func() bool { _, err := os.Stat(filepath.Join(at, "runs")); return err == nil })
	makeRoom := d.fill()
	if err := os.Remove(filepath.Join(at, "wait")); err != nil {
		t.Fatal(err)
	}
	d.await("the log tells", func() bool { return bytes.Contains([]byte(d.stderr()), []byte("no space left on device")) })
	if _, err := os.Stat(at); err != nil && !errors.Is(err, os.ErrNotExist) || len(s.Mails()) > 0 {
		t.Errorf("%v, %d mails", err, len(s.Mails()))
	}
	makeRoom()
	d.await("it is done", d.is("a", layout.Done))
	patient.Until(t, "it is told of", func() bool { return len(s.Mails()) == 1 }, d.stderr)
	if got := s.Mails()[0].Header("Subject"); got != "QM: a succeeded" {
		t.Error(got)
	}
}

// TestMailOfSlurm: what Slurm runs is told of as all else is.
func TestMailOfSlurm(t *testing.T) {
	fake, err := filepath.Abs("../../testdata/slurm")
	if err != nil {
		t.Fatal(err)
	}
	cluster := t.TempDir()
	for _, folder := range []string{"jobs", "say"} {
		if err := os.Mkdir(filepath.Join(cluster, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", fake+":"+os.Getenv("PATH"))
	t.Setenv("FAKE_SLURM", cluster)
	m := newMailTree(t, &mailtest.Server{}, "launch_type = slurm\n")
	m.submit("good", "script = echo of the node\ninfo = a line")
	m.submit("bad", "script = exit 3")
	m.submit("refused", "nb_proc = 1")
	_ = m.drain("run") // it tells that some failed
	if got := m.subjects(); !slices.Equal(got, []string{"QM: bad failed (exit code 3)", "QM: good succeeded", "QM: refused was not run"}) {
		t.Fatalf("%q\n%s", got, m.stderr())
	}
	if body := m.body("QM: good succeeded"); !strings.Contains(body, "    of the node\n") || !strings.Contains(body, "Info:       a line\n") || !strings.Contains(body, "\nStarted: ") {
		t.Error(body)
	}
}
