package access

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
)

func hashOf(t testing.TB, password string) string {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(hash)
}

// gate opens a file with these lines. It looks at the file at each question.
func gate(t *testing.T, only string, lines ...string) *Gate {
	t.Helper()
	path := filepath.Join(t.TempDir(), "passwords")
	write(t, path, lines...)
	g, err := Open(path, only, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func write(t *testing.T, path string, lines ...string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func TestAsk(t *testing.T) {
	long := strings.Repeat("x", maxPassword)
	g := gate(t, "", "# who may look", "", "ann:"+hashOf(t, "an apple"), "bob:"+strings.Replace(hashOf(t, "a pear"), "$2a$", "$2y$", 1), "lon:"+hashOf(t, long))
	for range 2 { // the second time from what is kept
		for _, c := range []struct {
			name, password string
			want           Answer
		}{
			{"ann", "an apple", Granted}, {"bob", "a pear", Granted}, {"lon", long, Granted},
			{"ann", "a pear", Refused}, {"bob", "an apple", Refused}, {"Ann", "an apple", Refused}, {"", "", Refused}, {"ann", "", Refused},
			{"eve", "an apple", Refused}, {"lon", long + "y", Refused}, {"ann:", "an apple", Refused}, {"an", "n:an apple", Refused},
		} {
			if got := g.Ask(c.name, c.password); got != c.want {
				t.Errorf("%q, %q: %v, want %v", c.name, c.password, got, c.want)
			}
		}
	}
	if len(g.kept) != 3 {
		t.Errorf("%d log-ins are kept", len(g.kept))
	}
	if only := gate(t, "bob", "ann:"+hashOf(t, "an apple"), "bob:"+hashOf(t, "a pear")); only.Ask("bob", "a pear") != Granted || only.Ask("ann", "an apple") != Refused {
		t.Error("not just bob may log in")
	}
}

// The file is read again when it changed; one that is not in order changes
// nothing.
func TestReload(t *testing.T) {
	g := gate(t, "", "ann:"+hashOf(t, "old"))
	stale := func() { g.looked = time.Time{} }
	g.Ask("ann", "old")
	for _, c := range []struct {
		lines         []string
		old, new, bob Answer
	}{
		{[]string{"ann:" + hashOf(t, "new"), "bob:" + hashOf(t, "b")}, Refused, Granted, Granted},
		{[]string{"ann"}, Refused, Granted, Granted},
		{[]string{"ann:" + hashOf(t, "old")}, Granted, Refused, Refused},
	} {
		write(t, g.path, c.lines...)
		stale()
		if got := [3]Answer{g.Ask("ann", "old"), g.Ask("ann", "new"), g.Ask("bob", "b")}; got != [3]Answer{c.old, c.new, c.bob} {
			t.Errorf("%.20q: %v", c.lines, got)
		}
	}
	if err := os.Remove(g.path); err != nil {
		t.Fatal(err)
	}
	if stale(); g.Ask("ann", "old") != Granted {
		t.Error("without the file nobody gets in any more")
	}
}

// Many guesses at once are turned away rather than queued without end; who is
// known gets in all the same.
func TestBusy(t *testing.T) {
	g := gate(t, "", "ann:"+hashOf(t, "right"))
	g.Ask("ann", "right")
	for range cap(g.hashing) {
		g.hashing <- struct{}{} // so that none is looked at
	}
	var guesses sync.WaitGroup
	for range maxWaiting {
		guesses.Go(func() { g.Ask("ann", "guess") })
	}
	for len(g.waiting) < maxWaiting {
		time.Sleep(time.Millisecond)
	}
	if got := g.Ask("ann", "guess"); got != Busy {
		t.Errorf("a guess too many: %v", got)
	}
	if got := g.Ask("ann", "right"); got != Granted {
		t.Errorf("who is known: %v", got)
	}
	for range cap(g.hashing) {
		<-g.hashing
	}
	guesses.Wait()
}

func TestFaults(t *testing.T) {
	hash := hashOf(t, "x")
	for lines, want := range map[string]string{
		"":                                  "names no user",
		"# only a comment":                  "names no user",
		"ann":                               "line 1: behind the user's name",
		"ann:secret":                        "no bcrypt hash",
		":" + hash:                          "no user's name",
		"a\x01:" + hash:                     "can't be printed",
		"ann:" + hash + "\nann:" + hash:     "line 2: the user ann is there twice",
		"ann:$2a$15" + hash[len("$2a$04"):]: "cost of 15",
	} {
		_, err := parse("file", []byte(lines))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.30q: %v, want %q", lines, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), hash) || strings.Contains(err.Error(), "secret")) {
			t.Errorf("%.30q: the error tells the hash: %v", lines, err)
		}
	}
	path := filepath.Join(t.TempDir(), "passwords")
	if _, err := Open(path, "", slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "qmweb -password") {
		t.Errorf("no file: %v", err)
	}
	write(t, path, "ann:"+hash)
	if _, err := Open(path, "bob", slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "bob") {
		t.Errorf("the user is not there: %v", err)
	}
	if _, err := Open(t.TempDir(), "", slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a folder is a password file")
	}
}

func TestLine(t *testing.T) {
	line, err := Line("ann", []byte("an apple"))
	if err != nil {
		t.Fatal(err)
	}
	users, err := parse("file", []byte(line))
	if err != nil || bcrypt.CompareHashAndPassword(users["ann"], []byte("an apple")) != nil {
		t.Errorf("%q: %v", line, err)
	}
	for _, c := range [][2]string{{"", "x"}, {"a:b", "x"}, {"a\nb", "x"}, {"a", ""}, {"a", strings.Repeat("x", 73)}} {
		if line, err := Line(c[0], []byte(c[1])); err == nil {
			t.Errorf("%q: %q", c, line)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("ann:" + hashOf(f, "x")))
	f.Add([]byte("# comment\n\nx:$2a$31$\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		users, err := parse("file", data)
		if (err == nil) != (len(users) > 0) {
			t.Errorf("%d users, %v", len(users), err)
		}
	})
}
