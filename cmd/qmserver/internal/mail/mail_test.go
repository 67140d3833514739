package mail

import (
	"bytes"
	"crypto/tls"
	"io"
	"log/slog"
	"mime"
	"mime/quotedprintable"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/mailtest"
	"qm/cmd/qmserver/internal/patient"
	"qm/cmd/qmserver/internal/runfile"
	"qm/cmd/qmserver/internal/spool"
	"qm/pkg/layout"
)

// certificate is the test server's, which this process trusts.
var certificate *tls.Config

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	trusted := filepath.Join(dir, "ca.pem")
	if certificate, err = mailtest.Certificate(trusted); err != nil {
		panic(err)
	}
	_ = os.Setenv("SSL_CERT_FILE", trusted)
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// logged is what went into a log.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// box is an outbox under test.
type box struct {
	*Outbox
	path string
	log  *logged
}

func options(t *testing.T, s *mailtest.Server) Options {
	t.Helper()
	port, err := strconv.Atoi(s.Port())
	if err != nil {
		t.Fatal(err)
	}
	return Options{Host: "127.0.0.1", Port: port, TLS: None, From: "QM <qm@example.org>", WebURL: "http://localhost:8000/queue", Tree: "/srv/QM", Machine: "lab1"}
}

func openBox(t *testing.T, path string, opt Options) box {
	t.Helper()
	b := box{path: path, log: &logged{}}
	var err error
	b.Outbox, err = open(path, opt, slog.New(slog.NewTextHandler(b.log, nil)), 20*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if b.Outbox != nil {
			_ = b.Close()
		}
		if t.Failed() {
			t.Log(b.log.String())
		}
	})
	return b
}

func newBox(t *testing.T, s *mailtest.Server) box {
	t.Helper()
	return openBox(t, filepath.Join(t.TempDir(), "outbox"), options(t, s))
}

func started(t *testing.T, s *mailtest.Server) *mailtest.Server {
	t.Helper()
	s.Start(t)
	return s
}

func letter(n int, name string) spool.Letter {
	code := 3
	at := time.Date(2026, 11, 22, 13, 15, 2, 0, time.UTC)
	return spool.Letter{
		Identity: disk.Identity{Inode: uint64(n), Birth: 7}, To: "me@example.org", JobID: layout.ID(name), From: "QM_Jobs", Into: "QM_dJobs",
		Attempt: 1, End: runfile.End{Outcome: layout.Failed, ExitCode: &code, Reason: "exit code 3"}, Info: "fit of the March series",
		Submitted: at, Started: at, Ended: at.Add(90 * time.Second), Log: "one\ntwo\n",
	}
}

func (b box) post(t *testing.T, l spool.Letter) {
	t.Helper()
	if err := b.Write(l); err != nil {
		t.Fatal(err)
	}
	name, err := layout.NameOfID(l.JobID)
	if err != nil {
		t.Fatal(err)
	}
	b.Moved(l.Identity, name)
}

func (b box) awaitEmpty(t *testing.T) {
	t.Helper()
	patient.Until(t, "an empty outbox", func() bool { return b.left() == 0 && len(b.files(t)) == 0 })
}

// files returns what lies in the outbox, and with failed/ in front what was
// given up.
func (b box) files(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*", "failed/*"} {
		found, err := filepath.Glob(filepath.Join(b.path, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			if rel, _ := filepath.Rel(b.path, f); rel != "failed" {
				all = append(all, filepath.ToSlash(rel))
			}
		}
	}
	return all
}

func text(t *testing.T, m mailtest.Mail) string {
	t.Helper()
	_, body, _ := strings.Cut(m.Data, "\n\n")
	plain, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(body)))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(plain), "\r\n", "\n")
}

func TestALetterGoesOutAfterTheMove(t *testing.T) {
	s := started(t, &mailtest.Server{})
	b := newBox(t, s)
	other := letter(2, "other")
	b.post(t, other)
	if err := b.Write(letter(1, "fit")); err != nil {
		t.Fatal(err)
	}
	s.Await(t, 1)
	patient.Until(t, "the other one is removed", func() bool { return b.left() == 1 })
	if got := b.files(t); !slices.Equal(got, []string{"1-7.new"}) {
		t.Errorf("before the move there are %q", got)
	}
	b.Moved(disk.Identity{Inode: 1, Birth: 7}, "fit")
	m := s.Await(t, 2)[1]
	b.awaitEmpty(t)
	if m.From != "qm@example.org" || m.To != "me@example.org" || m.Header("To") != "<me@example.org>" || m.Header("From") != `"QM" <qm@example.org>` {
		t.Errorf("from %s to %s: %s", m.From, m.To, m.Data)
	}
	if got := m.Header("Subject"); got != "QM: fit failed (exit code 3)" {
		t.Errorf("subject %q", got)
	}
	for _, want := range []string{"exit code 3", "fit of the March series", "1m30s", filepath.FromSlash("/srv/QM/QM_dJobs/fit"), "http://localhost:8000/queue/jobs/fit", "lab1", "    one\n    two\n"} {
		if !strings.Contains(text(t, m), want) {
			t.Errorf("no %q in\n%s", want, text(t, m))
		}
	}
	if !strings.Contains(b.log.String(), `msg="mail sent" job=fit to=me@example.org`) {
		t.Error(b.log)
	}
}

func TestTheOutboxIsTheServersAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("skipped: Windows has no such permissions")
	}
	b := newBox(t, started(t, &mailtest.Server{}))
	if err := b.Write(letter(1, "fit")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{"": 0o700, "failed": 0o700, "1-7.new": 0o600} {
		if info, err := os.Stat(filepath.Join(b.path, name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

// TestNamesAndTextsInjectNothing: a job's owner can write what they like into
// names, info lines and logs, and as owner of a process also into the rest.
func TestNamesAndTextsInjectNothing(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("skipped: Windows does not hold such names")
	}
	s := started(t, &mailtest.Server{})
	b := newBox(t, s)
	for _, to := range []string{
		"me@example.org\r\nBcc: you@example.org", "me@example.org\n", "me@example.org, you@example.org", "<me@example.org>", "me@example.org> SIZE=1",
		"me", "", "a b@example.org", "\"a\nb\"@example.org", "Me <me@example.org>", "me@example.org\x00", strings.Repeat("a", 250) + "@example.org",
	} {
		l := letter(1, "fit")
		if l.To = to; b.Write(l) == nil {
			t.Errorf("%q is taken for an address", to)
		}
	}
	evil := "x\r\nBcc: you@example.org\r\n\r\n.\r\nMAIL FROM:<a@example.org>"
	l := letter(1, evil)
	l.Info, l.Reason, l.Log = evil, evil, evil
	b.post(t, l)
	long := letter(2, strings.Repeat("ü", 127))
	b.post(t, long)
	mails := s.Await(t, 2)
	b.awaitEmpty(t)
	for _, m := range s.Mails() {
		if m.To != "me@example.org" || m.Header("Bcc") != "" || m.Header("To") != "<me@example.org>" {
			t.Errorf("injected: %s", m.Data)
		}
		for line := range strings.Lines(m.Data) {
			if len(line) > 998 {
				t.Errorf("a line of %d bytes", len(line))
			}
		}
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(mails[0].Header("Subject"))
	if err != nil || !strings.HasPrefix(subject, `QM: x\r\nBcc: you@example.org\r\n`) {
		t.Errorf("subject %q, %v", subject, err)
	}
	subject, err = new(mime.WordDecoder).DecodeHeader(mails[1].Header("Subject"))
	if want := "QM: " + strings.Repeat("ü", 50) + "… failed (exit code 3)"; err != nil || subject != want {
		t.Errorf("subject %q, %v", subject, err)
	}
	if want := "/jobs/" + strings.Repeat("%C3%BC", 127) + "\n"; !strings.Contains(text(t, mails[1]), want) {
		t.Errorf("no link %s in\n%s", want, text(t, mails[1]))
	}
}
