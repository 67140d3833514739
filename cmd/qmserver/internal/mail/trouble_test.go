package mail

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/mailtest"
	"qm/cmd/qmserver/internal/patient"
	"qm/pkg/layout"
)

// TestThreeDays: with growing pauses a letter is tried for three days, and then
// kept and told of. Time is that of the bubble.
func TestThreeDays(t *testing.T) {
	s := started(t, &mailtest.Server{})
	s.Stop()
	path, opt := filepath.Join(t.TempDir(), "outbox"), options(t, s)
	synctest.Test(t, func(t *testing.T) {
		log := &logged{}
		b, err := open(path, opt, slog.New(slog.NewTextHandler(log, nil)), firstPause)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		box{Outbox: b}.post(t, letter(1, "fit"))
		begin := time.Now()
		var tries []time.Duration
		for {
			synctest.Wait()
			w := b.Waiting()
			if w == nil {
				break
			}
			if !w.Next.After(time.Now()) || w.Problem == "" {
				t.Fatalf("after %s: %+v", time.Since(begin), w)
			}
			tries = append(tries, time.Since(begin))
			time.Sleep(time.Until(w.Next))
		}
		took := time.Since(begin)
		if took < giveUp || took > giveUp+maxPause || len(tries) < 70 || len(tries) > 100 || tries[1] != firstPause {
			t.Errorf("given up after %s and %d tries: %v", took, len(tries), tries)
		}
		if text := log.String(); strings.Count(text, "level=WARN") != 1 || !strings.Contains(text, `level=ERROR msg="mail failed" job=fit`) || !strings.Contains(text, "can't be reached") {
			t.Error(text)
		}
	})
	if files := (box{path: path}).files(t); len(files) != 1 || !strings.HasPrefix(files[0], "failed/") {
		t.Errorf("there are %q", files)
	}
	again := openBox(t, path, opt)
	if again.Waiting() != nil {
		t.Error("what was given up waits again")
	}
}

// TestWhoseFault: a refusal of one recipient or one letter holds up no other, and
// a fault of the server or of who sends gives up none.
func TestWhoseFault(t *testing.T) {
	for name, c := range map[string]struct {
		verb, answer string
		want         string // of the log; the rest is sent
		fails        int
	}{
		"no such user":      {"RCPT", "550 5.1.1 no such user", "mail failed", 1},
		"greylisted":        {"RCPT", "450 4.7.1 come again", "mail is tried again", 0},
		"too many of us":    {"RCPT", "421 4.7.0 too much", "mail server can't be used", 0},
		"log in first":      {"RCPT", "530 5.7.0 log in", "see smtp_user", 0},
		"sender refused":    {"MAIL", "553 5.1.8 who are you", "mail server can't be used", 0},
		"its disk is full":  {"MAIL", "452 4.3.1 no room", "mail server can't be used", 0},
		"data refused":      {"DATA", "554 5.5.1 no", "mail failed", 1},
		"data later":        {"DATA", "451 4.3.0 later", "mail is tried again", 0},
		"taken for spam":    {".", "554 5.7.1 spam", "mail failed", 1},
		"content later":     {".", "451 4.7.1 later", "mail is tried again", 0},
		"hangs up":          {"RCPT", "hang up", "mail server can't be used", 0},
		"hangs up at end":   {".", "hang up", "mail server can't be used", 0},
		"nonsense":          {"RCPT", "what?", "mail server can't be used", 0},
		"an endless answer": {"RCPT", "550 " + strings.Repeat("x", 100<<10), "", -1},
	} {
		t.Run(name, func(t *testing.T) {
			left := make(chan bool, 1) // to be answered so, once
			left <- true
			s := started(t, &mailtest.Server{Answer: func(verb, _ string) string {
				if verb != c.verb {
					return ""
				}
				select {
				case <-left:
					return c.answer
				default:
					return ""
				}
			}})
			b := newBox(t, s)
			for n := range 3 {
				b.post(t, letter(n+1, fmt.Sprint("job", n)))
			}
			patient.Until(t, "nothing waits", func() bool { return b.left() == 0 })
			failed := len(b.files(t))
			if c.fails >= 0 && failed != c.fails || len(s.Mails()) != 3-failed || !strings.Contains(b.log.String(), c.want) {
				t.Errorf("%d came, %d failed", len(s.Mails()), failed)
			}
			ids := make(map[string]bool)
			for _, m := range s.Mails() {
				ids[m.Header("Message-ID")] = true
			}
			if len(ids) != len(s.Mails()) {
				t.Error("one came twice")
			}
		})
	}
}

// TestALetterThatBreaksConnections lets the others through.
func TestALetterThatBreaksConnections(t *testing.T) {
	s := started(t, &mailtest.Server{Answer: func(verb, line string) string {
		if verb == "RCPT" && strings.Contains(line, "<poison@") {
			return "hang up"
		}
		return ""
	}})
	b := newBox(t, s)
	for n := range 9 {
		l := letter(n+1, fmt.Sprint("job", n))
		if n%3 == 0 {
			l.To = "poison@example.org"
		}
		b.post(t, l)
	}
	s.Await(t, 6)
	patient.Until(t, "the others are gone", func() bool { return b.left() == 3 })
	if n := len(s.Mails()); n != 6 {
		t.Errorf("%d mails", n)
	}
}

// TestAddresses: the longest one, and one that not every server takes.
func TestAddresses(t *testing.T) {
	long := strings.Repeat("a", 64) + "@" + strings.Repeat(strings.Repeat("b", 60)+".", 3) + "cccccc"
	if len(long) != maxAddress {
		t.Fatalf("%d bytes", len(long))
	}
	for _, utf8 := range []bool{false, true} {
		s := started(t, &mailtest.Server{UTF8: utf8})
		b := newBox(t, s)
		for n, to := range []string{long, "jörg@example.org", "o'neil+qm@example.org", "a%0d%0aBcc@example.org"} {
			l := letter(n+1, "fit")
			l.To = to
			if err := b.Write(l); err != nil {
				t.Errorf("%s: %v", to, err)
			}
			b.Moved(l.Identity, "fit")
		}
		patient.Until(t, "nothing waits", func() bool { return b.left() == 0 })
		var got []string
		for _, m := range s.Mails() {
			if got = append(got, m.To); m.Header("To") != "<"+m.To+">" || m.Header("Bcc") != "" {
				t.Errorf("to %s: %s", m.To, m.Data)
			}
		}
		want := []string{long, "jörg@example.org", "o'neil+qm@example.org", "a%0d%0aBcc@example.org"}
		if !utf8 {
			want = slices.Delete(want, 1, 2)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		if told := strings.Contains(b.log.String(), "takes no address with other characters"); told == utf8 {
			t.Error("told, or not")
		}
	}
}

// TestTextsArriveAsTheyAre: dots, long lines and letters of any language.
func TestTextsArriveAsTheyAre(t *testing.T) {
	s := started(t, &mailtest.Server{})
	b := newBox(t, s)
	lines := []string{".", "..", ".hidden", "From here", "=3D=20", "a =", "ümlaut ß 試験 🧪", strings.Repeat("x", longestLine), strings.Repeat("ü", longestLine/2), "end."}
	l := letter(1, "試験.ü")
	l.Info, l.Reason = strings.Repeat("ü", maxLetter), strings.Repeat("\x01", maxLetter)
	l.Log = strings.Join(lines, "\n") + "\n"
	b.post(t, l)
	m := s.Await(t, 1)[0]
	if want := "    " + strings.Join(lines, "\n    ") + "\n"; !strings.Contains(text(t, m), want) {
		t.Errorf("%s\nlacks\n%s", text(t, m), want)
	}
	for line := range strings.Lines(m.Data) {
		if len(line) > 100 {
			t.Errorf("a line of %d bytes: %s", len(line), line)
		}
	}
	if !strings.Contains(text(t, m), "Page:       http://localhost:8000/queue/jobs/%E8%A9%A6%E9%A8%93.%C3%BC\n") || !strings.Contains(text(t, m), filepath.FromSlash("/srv/QM/QM_dJobs/試験.ü\n")) {
		t.Error(text(t, m))
	}
}

// TestTheOutboxIsTakenAway: what lay in it is not sent, and what comes is.
func TestTheOutboxIsTakenAway(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("skipped: Windows does not remove a folder that is open")
	}
	s := started(t, &mailtest.Server{})
	s.Stop()
	b := newBox(t, s)
	b.post(t, letter(1, "queued"))
	if err := b.Write(letter(2, "kept")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(b.path); err != nil {
		t.Fatal(err)
	}
	b.Moved(letter(2, "kept").Identity, "kept")
	b.post(t, letter(3, "fit"))
	s.Start(t)
	s.Await(t, 1)
	b.awaitEmpty(t)
	if got := s.Mails(); len(got) != 1 || got[0].Header("Subject") != "QM: fit failed (exit code 3)" {
		t.Errorf("%+v", got)
	}
	if n := strings.Count(b.log.String(), "mail was taken out of the outbox"); n != 2 {
		t.Errorf("told %d times", n)
	}
}

// TestFilesThatCantBeRead: what is damaged is kept aside; what is not readable now
// is sent when it is.
func TestFilesThatCantBeRead(t *testing.T) {
	s := started(t, &mailtest.Server{})
	s.Stop()
	first := newBox(t, s)
	first.post(t, letter(1, "locked"))
	_ = first.Close()
	locked := filepath.Join(first.path, first.files(t)[0])
	for name, data := range map[string]string{"empty.mail": "", "half.mail": `{"to":"me@exa`, "list.mail": "[]", "nobody.mail": `{"outcome":"failed"}`, "long.mail": strings.Repeat(" ", maxLetter+1)} {
		if err := os.WriteFile(filepath.Join(first.path, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(first.path, "folder.mail"), 0o700); err != nil {
		t.Fatal(err)
	}
	readsAll := runtime.GOOS == "windows" || os.Geteuid() == 0
	if readsAll {
		t.Log("skipped as root, who can read all, and on Windows: a file without permission")
	} else if err := os.Chmod(locked, 0); err != nil {
		t.Fatal(err)
	}
	s.Start(t)
	b := openBox(t, first.path, options(t, s))
	if !readsAll {
		patient.Until(t, "it is told", func() bool { return strings.Contains(b.log.String(), "read letter: ") })
		if err := os.Chmod(locked, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.Await(t, 1)
	patient.Until(t, "nothing waits", func() bool { return b.left() == 0 })
	if got := b.files(t); len(got) != 6 || slices.ContainsFunc(got, func(f string) bool { return !strings.HasPrefix(f, "failed/") }) {
		t.Errorf("there are %q", got)
	}
}

// TestALetterCantBeReadied is told once, and goes out when it can.
func TestALetterCantBeReadied(t *testing.T) {
	s := started(t, &mailtest.Server{})
	b := newBox(t, s)
	l := letter(1, "fit")
	if err := b.Write(l); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(b.path, newName(l.Identity))
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	damage := func(text []byte) {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	damage([]byte("{"))
	for range 3 {
		b.Moved(l.Identity, "fit-20261122-131502") // it is read, to be changed
	}
	if len(b.Kept()) != 1 || strings.Count(b.log.String(), "mail can't be readied") != 1 {
		t.Error("not told once")
	}
	damage(data)
	b.Moved(l.Identity, "fit-20261122-131502")
	if m := s.Await(t, 1)[0]; m.Header("Subject") != "QM: fit-20261122-131502 failed (exit code 3)" {
		t.Error(m.Header("Subject"))
	}
}

// TestTheSameFolderTwice: what is written later about a folder counts.
func TestTheSameFolderTwice(t *testing.T) {
	s := started(t, &mailtest.Server{})
	b := newBox(t, s)
	l := letter(1, "fit")
	if err := b.Write(l); err != nil {
		t.Fatal(err)
	}
	l.Outcome = layout.Stopped
	b.post(t, l)
	b.Moved(l.Identity, "fit")
	b.Moved(disk.Identity{Inode: 99}, "unknown")
	s.Await(t, 1)
	b.awaitEmpty(t)
	if m := s.Mails(); len(m) != 1 || m[0].Header("Subject") != "QM: fit was stopped (exit code 3)" {
		t.Errorf("%+v", m)
	}
}

// TestTestEndsInTime: who tries it out is not left waiting.
func TestTestEndsInTime(t *testing.T) {
	s := started(t, &mailtest.Server{Silent: true})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Test(ctx, options(t, s), "me@example.org"); err == nil || !strings.Contains(err.Error(), "does not answer") {
		t.Error(err)
	}
}
