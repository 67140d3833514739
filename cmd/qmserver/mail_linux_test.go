package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/quotedprintable"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"qm/cmd/qmserver/internal/mailtest"
	"qm/cmd/qmserver/internal/patient"
	"qm/pkg/layout"
)

// mailTree is a tree whose jobs' owners are told by mail.
type mailTree struct {
	*crashTree
	smtp *mailtest.Server
}

func newMailTree(t *testing.T, s *mailtest.Server, config string) mailTree {
	t.Helper()
	s.Start(t)
	dir := t.TempDir()
	c := &crashTree{t: t, dir: dir, tree: layout.Tree(filepath.Join(dir, "QM"))}
	c.write("QMserv.cfg", "[QMServer]\nMailActive = yes\nMaxNbProcessors = 4\nsettle_time = 0.05\npoll_interval = 0.02\nstop_grace = 1\nsmtp_host = 127.0.0.1\nsmtp_port = "+s.Port()+"\nmail_from = qm@example.org\nweb_url = http://localhost:8000\n"+config)
	return mailTree{c, s}
}

func (m mailTree) submit(name, cfg string) {
	m.t.Helper()
	m.job(layout.Queued, name, name, "e_mail = me@example.org\n"+cfg)
}

// subjects returns the subjects of the mails that came, in order, with the jobs'
// own names.
func (m mailTree) subjects() []string {
	var all []string
	for _, mail := range m.smtp.Mails() {
		words := strings.Fields(mail.Header("Subject"))
		words[1] = layout.OwnName(words[1])
		all = append(all, strings.Join(words, " "))
	}
	slices.Sort(all)
	return all
}

// body returns the text of the mail with that subject.
func (m mailTree) body(subject string) string {
	m.t.Helper()
	for _, mail := range m.smtp.Mails() {
		if mail.Header("Subject") == subject {
			_, body, _ := strings.Cut(mail.Data, "\n\n")
			text, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(body)))
			if err != nil {
				m.t.Error(err)
			}
			return strings.ReplaceAll(string(text), "\r\n", "\n")
		}
	}
	return ""
}

// TestMailOfEachOutcome: who dropped a job is told of its end, whatever that is.
func TestMailOfEachOutcome(t *testing.T) {
	m := newMailTree(t, &mailtest.Server{}, "")
	m.submit("good", "script = echo fine\ninfo = a line\n  Bcc: you@example.org")
	m.submit("bad", "script = echo no; exit 3")
	m.submit("killed", "script = kill -9 $$")
	m.submit("stopped", "script = touch STOP; sleep 60")
	m.submit("slow", "script = sleep 60\ntime_limit = 1s")
	m.submit("cut", "script = kill -9 $PPID; sleep 60")
	m.submit("refused", "nb_proc = 1")
	m.job(layout.Queued, "nobody", "nobody", "script = true")
	m.job(layout.Queued, "two", "two", "script = true\ne_mail = me@example.org\n  you@example.org")
	_ = m.drain("run") // it tells that some failed
	want := []string{
		"QM: bad failed (exit code 3)", "QM: cut was interrupted", "QM: good succeeded", "QM: killed failed (signal 9)",
		"QM: refused was not run", "QM: slow was stopped at its time limit (signal 15)", "QM: stopped was stopped (signal 15)",
	}
	if got := m.subjects(); !slices.Equal(got, want) {
		t.Fatalf("mails\n%q, want\n%q\n%s", got, want, m.stderr())
	}
	for subject, words := range map[string][]string{
		want[0]: {"    no\n", "Status:     exit code 3\n", "/QM/QM_dJobs/bad\n", "Page:       http://localhost:8000/jobs/bad\n"},
		want[1]: {"/QM/QM_lost+found/cut\n", "drag its folder from\nQM_lost+found to QM_qJobs"},
		want[2]: {"    fine\n", "Info:       a line Bcc: you@example.org\n"},
		want[4]: {"script", "/QM/QM_lost+found/refused\n", "    QM: rejected at "},
	} {
		for _, w := range words {
			if !strings.Contains(m.body(subject), w) {
				t.Errorf("no %q in\n%s", w, m.body(subject))
			}
		}
	}
	log, err := os.ReadFile(filepath.Join(m.tree.Job(layout.Done, "two"), layout.JobLog))
	if err != nil || !bytes.Contains(log, []byte("so no mail will be sent")) {
		t.Errorf("%s, %v", log, err)
	}
}

// TestMailComesLaterAndOnce where the mail server is down for a while, and
// qmserver is started anew meanwhile.
func TestMailComesLaterAndOnce(t *testing.T) {
	m := newMailTree(t, &mailtest.Server{}, "")
	m.smtp.Stop()
	m.submit("fit", "script = true")
	if err := m.drain("run"); err != nil || !strings.Contains(m.stderr(), "1 mails stay in .qm/outbox: the next start sends them") {
		t.Errorf("%v\n%s", err, m.stderr())
	}
	m.smtp.Start(t)
	for range 2 {
		if err := m.drain("run"); err != nil {
			t.Error(err)
		}
	}
	if got := m.subjects(); !slices.Equal(got, []string{"QM: fit succeeded"}) {
		t.Errorf("%q\n%s", got, m.stderr())
	}
}

// TestMailServerThatIsSilentDelaysNoJob, nor the end of the server.
func TestMailServerThatIsSilentDelaysNoJob(t *testing.T) {
	m := newMailTree(t, &mailtest.Server{Silent: true}, "")
	for n := range 30 {
		m.submit(fmt.Sprint("job", n), "script = true")
	}
	server := exec.Command(os.Args[0], "-config", "QMserv.cfg")
	server.Dir, server.Env = m.dir, append(os.Environ(), twinVar+"=run")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	patient.Until(t, "jobs end whatever the mail server does", func() bool {
		done, _ := filepath.Glob(filepath.Join(m.tree.Folder(layout.Done), "*"))
		return len(done) == 30
	})
	if total, _ := m.smtp.Connections(); total != 1 {
		t.Errorf("%d connections", total)
	}
	_ = server.Process.Signal(syscall.SIGTERM)
	if err := server.Wait(); err != nil {
		t.Error(err)
	}
	if files, _ := filepath.Glob(m.tree.Path(layout.OutboxDir + "/*.mail")); len(files) != 30 {
		t.Errorf("%d mails are kept", len(files))
	}
}

// TestMailAfterACrash kills the server at each step: each job's owner is told
// once all the same; twice only if it died after the mail server had the mail
// and before it had made a note of that.
func TestMailAfterACrash(t *testing.T) {
	if testing.Short() {
		t.Skip("some hundred starts: not with -short")
	}
	for step, most := range mailSteps(t) {
		for n := 1; n <= min(most, 12); n++ {
			t.Run(fmt.Sprintf("%s/%d", step, n), func(t *testing.T) {
				t.Parallel()
				m := crashedMail(t)
				_ = m.drain(fmt.Sprintf("kill server %d %s", n, step))
				_ = m.drain("run")
				got := m.subjects()
				if step != "mail: removed" && len(got) == 4 && m.sameTwice() {
					got = slices.Compact(got) // it was under way when the server died
				}
				if !slices.Equal(got, []string{"QM: bad failed (exit code 3)", "QM: good succeeded", "QM: refused was not run"}) {
					t.Errorf("%q\n%s", got, m.stderr())
				}
				left, err := os.ReadDir(m.tree.Path(layout.OutboxDir))
				if err != nil || len(left) != 1 {
					t.Errorf("in the outbox lie %v, %v", left, err)
				}
			})
		}
	}
}

// sameTwice tells whether the mails that came are different ones, but for one
// that came twice and of which the log does not say so twice.
func (m mailTree) sameTwice() bool {
	ids := make(map[string]bool)
	for _, mail := range m.smtp.Mails() {
		ids[mail.Header("Message-ID")] = true
	}
	return len(ids) == len(m.smtp.Mails())-1 && strings.Count(m.stderr(), `msg="mail sent"`) <= len(ids)
}

func crashedMail(t *testing.T) mailTree {
	t.Helper()
	m := newMailTree(t, &mailtest.Server{}, "")
	m.job(layout.Done, "good", "other", "script = false") // its name is taken
	m.submit("good", "script = true")
	m.submit("bad", "script = exit 3")
	m.submit("refused", "nb_proc = 1")
	return m
}

// mailSteps returns how often the server comes to each step.
func mailSteps(t *testing.T) map[string]int {
	t.Helper()
	m := crashedMail(t)
	file := filepath.Join(m.dir, "trace")
	_ = m.drain("trace " + file)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	count := make(map[string]int)
	for line := range strings.Lines(string(data)) {
		if role, step, _ := strings.Cut(strings.TrimSpace(line), "\t"); role == "server" {
			count[step]++
		}
	}
	for _, step := range []string{"mail: taken", "mail: removed", "set aside: renamed", "replace: synced", "move: renamed"} {
		if count[step] < 3 {
			t.Errorf("%s is reached %d times", step, count[step])
		}
	}
	return count
}

// TestTestMail: who tries it out is told what happened.
func TestTestMail(t *testing.T) {
	m := newMailTree(t, &mailtest.Server{User: "qm", Password: "secret"}, "smtp_user = qm\nsmtp_password_file = password\n")
	for _, c := range []struct {
		password, address string
		code              int
		want              string
	}{
		{"", "me@example.org", exitUsage, "QMserv.cfg, line 12: smtp_password_file = \"password\": "},
		{"\n", "me@example.org", exitUsage, "its first line is empty"},
		{"wrong", "me@example.org", exitFailed, "see smtp_user and smtp_password_file"},
		{"secret\n", "me@example.org", exitDone, "others may read password: chmod 600 it"},
		{"secret\n", "me", exitUsage, "not one bare address"},
		{"secret\n", "me@example.org", exitDone, "has accepted a mail to me@example.org from qm@example.org (ok: taken)"},
	} {
		if c.password != "" {
			m.write("password", c.password)
		}
		cmd := exec.Command(os.Args[0], "-test-mail", c.address)
		cmd.Dir, cmd.Env = m.dir, append(os.Environ(), twinVar+"=run")
		out, err := cmd.CombinedOutput()
		code := 0
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			code = exit.ExitCode()
		}
		if code != c.code || !strings.Contains(string(out), c.want) {
			t.Errorf("%q %s: exit %d, %s", c.password, c.address, code, out)
		}
	}
}
