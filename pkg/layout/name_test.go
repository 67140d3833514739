package layout_test

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"qm/pkg/layout"
)

// nastyNames are names that a file system takes; other tests and the fuzz
// targets begin with them.
var nastyNames = []string{
	"test_QM", "a b", "name with spaces & ünïcode", "-rf", "..a", "%2F", "100%", "a+b", "$(id)", "`id`",
	"a\nb", "tab\there", "it's", `"`, `back\slash`, "\xff\xfe", "r\xe9sultat", "\u202eexe.txt", "日本語", "\u00a0", "\ufffd",
	"a-20261122-131502", "a-20261122-131502-2", "-20261122-131502", strings.Repeat("x", 255), strings.Repeat("é", 127), strings.Repeat("\x80", 255),
}

func TestIDOfNames(t *testing.T) {
	for _, c := range []struct{ name, id string }{
		{"test_QM", "test_QM"},
		{"a b", "a%20b"},
		{"50%", "50%25"},
		{"\xff", "%FF"},
		{"a\nb", "a%0Ab"},
		{"é", "%C3%A9"},
	} {
		if got := layout.ID(c.name); got != c.id {
			t.Errorf("ID(%q) = %q, want %q", c.name, got, c.id)
		}
	}
}

func TestNameOfIDRefuses(t *testing.T) {
	for _, id := range []string{"", ".", "..", "%2e%2E", "a/b", "a%2Fb", "%2f", "a%00", "%", "%4", "%zz", "..%2f..%2fetc"} {
		if name, err := layout.NameOfID(id); err == nil {
			t.Errorf("NameOfID(%q) = %q, want an error", id, name)
		} else if !strings.Contains(err.Error(), "decode id") {
			t.Errorf("NameOfID(%q): %v, want an error that says what was done", id, err)
		}
	}
}

func FuzzIDRoundTrip(f *testing.F) {
	for _, name := range nastyNames {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		id := layout.ID(name)
		for _, c := range []byte(id) {
			if c <= ' ' || c >= 0x7f || c == '/' || c == '"' || c == '<' || c == '>' || c == '?' || c == '#' {
				t.Errorf("ID(%q) = %q holds %q, which a URL may not", name, id, c)
			}
		}
		got, err := layout.NameOfID(id)
		if legal := name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/\x00"); legal != (err == nil) {
			t.Errorf("NameOfID(ID(%q)): error %v, legal %v", name, err, legal)
		} else if legal && got != name {
			t.Errorf("NameOfID(ID(%q)) = %q", name, got)
		}
	})
}

func TestDisplay(t *testing.T) {
	for _, c := range []struct{ name, shown string }{
		{"test_QM", "test_QM"},
		{"name with spaces & ünïcode", "name with spaces & ünïcode"},
		{"日本語", "日本語"},
		{"a\nb\tc\rd", `a\nb\tc\rd`},
		{"bell\x07del\x7f", `bell\x07del\x7f`},
		{"r\xe9sultat é", `r\xe9sultat é`},
		{"\u202eexe.txt", `\u202eexe.txt`},
		{"no\u00a0break", `no\u00a0break`},
		{"\ufffd is a character", "\ufffd is a character"},
		{`C:\new`, `C:\new`},
	} {
		if got := layout.Display(c.name); got != c.shown {
			t.Errorf("Display(%q) = %q, want %q", c.name, got, c.shown)
		}
	}
}

func FuzzDisplay(f *testing.F) {
	for _, name := range nastyNames {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		shown := layout.Display(name)
		if !utf8.ValidString(shown) {
			t.Errorf("Display(%q) = %q: not UTF-8", name, shown)
		}
		for _, r := range shown {
			if !unicode.IsPrint(r) {
				t.Errorf("Display(%q) = %q: %q does not print", name, shown, r)
			}
		}
	})
}

func TestOwnName(t *testing.T) {
	for _, c := range []struct{ name, own string }{
		{"a", "a"},
		{"a-20261122-131502", "a"},
		{"a-20261122-131502-2", "a"},
		{"a-20261122-131502-10", "a"},
		{"a-20261122-131502-0", "a-20261122-131502-0"},
		{"a-20261122", "a-20261122"},
		{"a-20261122-131502-b", "a-20261122-131502-b"},
		{"-20261122-131502", "-20261122-131502"},
		{"a\nb-20261122-131502", "a\nb"},
		{"\xff-20261122-131502", "\xff"},
	} {
		if got := layout.OwnName(c.name); got != c.own {
			t.Errorf("OwnName(%q) = %q, want %q", c.name, got, c.own)
		}
	}
}

var stampTime = time.Date(2026, 11, 22, 13, 15, 2, 0, time.UTC)

func TestStampedName(t *testing.T) {
	const stamp = "-20261122-131502"
	room := layout.MaxName - len(stamp)
	for _, c := range []struct {
		what, name string
		try        int
		want       string
	}{
		{"first", "a", 1, "a" + stamp},
		{"second", "a", 2, "a" + stamp + "-2"},
		{"behind the own name, not an earlier stamp", "a-20250101-000000-3", 1, "a" + stamp},
		{"fits exactly", strings.Repeat("x", room), 1, strings.Repeat("x", room) + stamp},
		{"one byte too long", strings.Repeat("x", room+1), 1, strings.Repeat("x", room) + stamp},
		{"longest", strings.Repeat("x", layout.MaxName), 1, strings.Repeat("x", room) + stamp},
		{"the number takes room too", strings.Repeat("x", layout.MaxName), 12, strings.Repeat("x", room-3) + stamp + "-12"},
		{"cut before a rune, not inside", strings.Repeat("é", 127), 1, strings.Repeat("é", room/2) + stamp},
		{"cut at a rune of four bytes", "x" + strings.Repeat("𝄞", 63), 1, "x" + strings.Repeat("𝄞", (room-1)/4) + stamp},
	} {
		if got := layout.StampedName(c.name, stampTime, c.try); got != c.want {
			t.Errorf("%s: StampedName(%q, %d) = %q, want %q", c.what, c.name, c.try, got, c.want)
		}
	}
}

func FuzzStampedName(f *testing.F) {
	for i, name := range nastyNames {
		f.Add(name, i)
	}
	f.Fuzz(func(t *testing.T, name string, try int) {
		if len(name) > layout.MaxName {
			return // no file system gave us this
		}
		got := layout.StampedName(name, stampTime, try)
		if len(got) > layout.MaxName {
			t.Errorf("StampedName(%q, %d) has %d bytes", name, try, len(got))
		}
		if utf8.ValidString(name) && !utf8.ValidString(got) {
			t.Errorf("StampedName(%q, %d) = %q cuts a rune", name, try, got)
		}
		if !strings.Contains(got, "-20261122-131502") || try <= 1 && !strings.HasSuffix(got, "-20261122-131502") {
			t.Errorf("StampedName(%q, %d) = %q has no stamp", name, try, got)
		}
		if again := layout.StampedName(name, stampTime, 2); try == 1 && again == got {
			t.Errorf("StampedName(%q): the second try is the first: %q", name, got)
		}
	})
}
