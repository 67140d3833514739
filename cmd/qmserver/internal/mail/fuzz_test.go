package mail

import (
	"bytes"
	"strings"
	"testing"
	"unicode"
)

// FuzzLetter: an address that is taken is the only one that a mail goes to and
// can end no line and no path of SMTP; and whatever a job is called, says and
// prints, its mail has the same headers.
func FuzzLetter(f *testing.F) {
	f.Add("me@example.org", "fit", "of March", "one\ntwo\n")
	f.Add("me@example.org\r\nBcc: you@example.org", "a\r\nBcc: you@example.org", "\r\n\r\n.\r\n", "\x1b[31m\r.\r\n")
	f.Add(`"a b"@example.org`, "%0d%0a", "=?utf-8?q?x=0ABcc:?=", "\xff\u2028")
	f.Add("<me@example.org>, jörg@[127.0.0.1]", "..", "", strings.Repeat("ü", 999))
	f.Fuzz(func(t *testing.T, to, name, info, log string) {
		opt := Options{From: "QM <qm@example.org>", WebURL: "http://localhost", Tree: "/srv/QM", Machine: "lab1"}
		l := letter(1, name)
		if l.Info, l.Log = info, log; checkAddress(to) == nil {
			l.To = to
		}
		m, err := message(opt, l, "id")
		if err != nil {
			t.Fatalf("%q: %v", l.To, err)
		}
		all, err := m.GetRecipients()
		if err != nil || len(all) != 1 || all[0] != "<"+l.To+">" && all[0] != l.To || strings.ContainsFunc(l.To, func(r rune) bool {
			return unicode.IsControl(r) || unicode.IsSpace(r) || strings.ContainsRune("<>,", r)
		}) {
			t.Errorf("%q goes to %q, %v", l.To, all, err)
		}
		var b bytes.Buffer
		if _, err := m.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		head, _, _ := strings.Cut(b.String(), "\r\n\r\n")
		names := 0
		for line := range strings.SplitSeq(head, "\r\n") {
			if !strings.HasPrefix(line, " ") {
				names++
			}
			if len(line) > 998 || strings.ContainsAny(line, "\r\n\x00") {
				t.Errorf("a header %q", line)
			}
		}
		if names != 9 {
			t.Errorf("%d headers: %s", names, head)
		}
	})
}
