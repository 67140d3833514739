package mail

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/mailtest"
	"qm/cmd/qmserver/internal/patient"
	"qm/pkg/layout"
)

func TestAServerThatIsDownGetsItLaterAndOnce(t *testing.T) {
	s := started(t, &mailtest.Server{})
	s.Stop()
	b := newBox(t, s)
	for n := range 3 {
		b.post(t, letter(n+1, fmt.Sprint("job", n)))
	}
	patient.Until(t, "the log tells", func() bool { return strings.Contains(b.log.String(), "mail server can't be used; mail waits") })
	s.Start(t)
	s.Await(t, 3)
	b.awaitEmpty(t)
	if n := len(s.Mails()); n != 3 {
		t.Errorf("%d mails", n)
	}
	if log := b.log.String(); strings.Count(log, "can't be used") != 1 || !strings.Contains(log, "mail server can be used again") {
		t.Error("told once and when it is over")
	}
}

func TestTheNextStartGoesOn(t *testing.T) {
	s := started(t, &mailtest.Server{})
	s.Stop()
	first := newBox(t, s)
	first.post(t, letter(1, "ready"))
	for n, name := range []string{"moved", "renamed", "taken", "again"} {
		if err := first.Write(letter(n+2, name)); err != nil {
			t.Fatal(err)
		}
	}
	_ = first.Close()
	for name, data := range map[string]string{"9-9.new.tmp": "{", "8-8.new": "{", "x.mail": "no letter"} {
		if err := os.WriteFile(filepath.Join(first.path, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.Start(t)
	b := openBox(t, first.path, options(t, s))
	s.Await(t, 1)
	kept := make(map[string]disk.Identity)
	for _, l := range b.Kept() {
		kept[l.JobID] = l.Identity
	}
	if len(kept) != 4 {
		t.Fatalf("%v", kept)
	}
	b.Moved(kept["moved"], "moved")
	b.Moved(kept["renamed"], "renamed-20261122-131502")
	b.Moved(kept["taken"], "")
	again := letter(5, "again")
	again.Outcome = layout.Stopped // it is settled again, after the crash
	b.post(t, again)
	all := ""
	for _, m := range s.Await(t, 5) {
		all += m.Header("Subject") + "\n" + text(t, m)
	}
	patient.Until(t, "all is sent", func() bool { return b.left() == 0 })
	if len(s.Mails()) != 5 {
		t.Errorf("%d mails", len(s.Mails()))
	}
	for _, want := range []string{"QM: ready failed", "/jobs/moved\n", "/jobs/renamed-20261122-131502\n", "QM: taken failed", "taken away\n", "QM: again was stopped"} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in\n%s", want, all)
		}
	}
	if got := b.files(t); !slices.Equal(got, []string{"8-8.new", "failed/x.mail"}) {
		t.Errorf("there are %q", got)
	}
}

// TestTheSameLetterHasTheSameMessageID, by which a mail that comes twice is
// known.
func TestTheSameLetterHasTheSameMessageID(t *testing.T) {
	once := sync.OnceValue(func() string { return "hang up" })
	first := true
	s := started(t, &mailtest.Server{Answer: func(verb, _ string) string {
		if verb == "." && first {
			first = false
			return once()
		}
		return ""
	}})
	b := newBox(t, s)
	b.post(t, letter(1, "fit"))
	m := s.Await(t, 1)[0]
	b.awaitEmpty(t)
	l := letter(1, "fit")
	if want := "<" + messageID(b.opt, mailName(l, 1)) + ">"; m.Header("Message-ID") != want {
		t.Errorf("%s, want %s", m.Header("Message-ID"), want)
	}
}

func TestRefusals(t *testing.T) {
	var mu sync.Mutex
	seen := 0
	s := started(t, &mailtest.Server{Answer: func(verb, line string) string {
		switch {
		case verb == "RCPT" && strings.Contains(line, "<nobody@"):
			return "550 5.1.1 no such user"
		case verb == "RCPT" && strings.Contains(line, "<grey@"):
			mu.Lock()
			defer mu.Unlock()
			if seen++; seen < 3 {
				return "450 4.7.1 come again"
			}
		}
		return ""
	}})
	b := newBox(t, s)
	for n, to := range []string{"nobody@example.org", "grey@example.org", "me@example.org"} {
		l := letter(n+1, fmt.Sprint("job", n))
		l.To = to
		b.post(t, l)
	}
	s.Await(t, 2)
	patient.Until(t, "nothing waits", func() bool { return b.left() == 0 })
	files := b.files(t)
	if len(files) != 1 || !strings.HasPrefix(files[0], "failed/20261122T131632") || !strings.HasSuffix(files[0], "-1-job0.mail") {
		t.Errorf("there are %q", files)
	}
	if log := b.log.String(); !strings.Contains(log, `msg="mail failed" job=job0`) || !strings.Contains(log, "no such user") || !strings.Contains(log, "mail is tried again") {
		t.Error("not told")
	}
	if total, _ := s.Connections(); total > 4 {
		t.Errorf("%d connections", total)
	}
}

func TestAfterThreeDaysItIsKept(t *testing.T) {
	s := started(t, &mailtest.Server{})
	s.Stop()
	first := newBox(t, s)
	first.post(t, letter(1, "old"))
	first.post(t, letter(2, "young"))
	_ = first.Close()
	long := time.Now().Add(-giveUp - time.Hour)
	for _, f := range first.files(t) {
		if strings.Contains(f, "old") {
			if err := os.Chtimes(filepath.Join(first.path, f), long, long); err != nil {
				t.Fatal(err)
			}
		}
	}
	b := openBox(t, first.path, options(t, s))
	patient.Until(t, "it is given up", func() bool { return strings.Contains(b.log.String(), `msg="mail failed" job=old`) })
	if files := b.files(t); len(files) != 2 || !strings.HasPrefix(files[1], "failed/") || !strings.Contains(files[1], "old") {
		t.Errorf("there are %q", files)
	}
}

func TestManyGoOverFewConnections(t *testing.T) {
	for _, most := range []int{0, 100} {
		s := started(t, &mailtest.Server{Most: most})
		b := newBox(t, s)
		var wg sync.WaitGroup
		for n := range 1000 {
			wg.Go(func() {
				l := letter(n+1, fmt.Sprint("job", n))
				if err := b.Write(l); err != nil {
					t.Error(err)
				}
				b.Moved(l.Identity, fmt.Sprint("job", n))
			})
		}
		wg.Wait()
		s.Await(t, 1000)
		b.awaitEmpty(t)
		total, together := s.Connections()
		if most == 0 && total != 1 || total > 11 || together > 2 {
			t.Errorf("at most %d over one: %d connections, %d at a time", most, total, together)
		}
		subjects := make(map[string]bool)
		for _, m := range s.Mails() {
			subjects[m.Header("Subject")] = true
		}
		if len(subjects) != 1000 || len(s.Mails()) != 1000 {
			t.Errorf("%d mails, %d different", len(s.Mails()), len(subjects))
		}
	}
}

func TestASilentServerHoldsNobody(t *testing.T) {
	s := started(t, &mailtest.Server{Silent: true})
	b := newBox(t, s)
	b.post(t, letter(1, "fit"))
	patient.Until(t, "it is asked", func() bool { total, _ := s.Connections(); return total == 1 })
	b.post(t, letter(2, "next"))
	begin := time.Now()
	_ = b.Close()
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("it took %s to end", took)
	}
	if files := b.files(t); len(files) != 2 {
		t.Errorf("there are %q", files)
	}
}

func TestDrain(t *testing.T) {
	s := started(t, &mailtest.Server{})
	s.Stop()
	first := newBox(t, s)
	first.post(t, letter(1, "a"))
	first.post(t, letter(2, "b"))
	if left := first.Drain(t.Context()); left != 2 {
		t.Errorf("%d left", left)
	}
	_ = first.Close()
	s.Start(t)
	b := openBox(t, first.path, options(t, s))
	b.post(t, letter(3, "c"))
	if left := b.Drain(t.Context()); left != 0 || len(s.Mails()) != 3 {
		t.Errorf("%d left, %d came", left, len(s.Mails()))
	}
	silent := started(t, &mailtest.Server{Silent: true})
	c := newBox(t, silent)
	c.post(t, letter(1, "a"))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if left := c.Drain(ctx); left != 1 {
		t.Errorf("%d left", left)
	}
}
