package terminal

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestText(t *testing.T) {
	for _, c := range []struct {
		in     string
		middle bool
		want   string
	}{
		{"plain\n", false, "plain"},
		{"part of a line\nwhole\n", true, "whole"},
		{"no line break at all", true, "no line break at all"},
		{" 1%\r 50%\r100%\ndone\r\n", false, "100%\ndone"},
		{"\x1b[1;31mred\x1b[0m \x1b]0;title\x07x\x1b(B", false, "red x"},
		{"caf\xe9 \x00\x08\ttab", false, "caf� \ttab"},
		{"a\u202eb", false, "ab"},
	} {
		if got := Text([]byte(c.in), c.middle); got != c.want {
			t.Errorf("%q becomes %q, want %q", c.in, got, c.want)
		}
	}
}

// What is coloured is told by classes; all else that a program sends to a
// terminal is dropped.
func TestLines(t *testing.T) {
	for in, want := range map[string]string{
		"a\x1b[31mred\nstill\x1b[0m not": "a|f1:red/f1:still| not",
		"\x1b[1;4;92mx\x1b[22my":         "bold under f10:x|under f10:y",
		"\x1b[38;5;196mx\x1b[39my":       "f9:x|y",
		"\x1b[48;2;0;0;120mx\x1b[49my":   "b4:x|y",
		"\x1b[38;5;240mx\x1b[m\x1b[7my":  "f8:x|inverse:y",
		"\x1b[38;5mx":                    "x",
		"\x1b[38;5;99999999999999mx":     "x",
		"\x1b[38;5;-1mx":                 "[38;5;-1mx",
		"\x1b[31m 1%\r\x1b[32m 2%\r":     "f2: 2%",
		"\x1b[2Jx\x1b[?25l\x1b[10;3Hy":   "xy",
		"\x1b[7;31mx\x1b[27my":           "b1:x|f1:y",
		"a\n\nb\n":                       "a//b",
		"\x1b":                           "",
		"\x1b[3":                         "",
		"\x1b[3\n":                       "[3",
		"x\x1b[3\ny":                     "x[3/y",
	} {
		var lines []string
		for _, l := range Lines([]byte(in), false) {
			var spans []string
			for _, s := range l {
				text := s.Text
				if s.Class != "" {
					text = s.Class + ":" + text
				}
				spans = append(spans, text)
			}
			lines = append(lines, strings.Join(spans, "|"))
		}
		if got := strings.Join(lines, "/"); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func FuzzLines(f *testing.F) {
	f.Add([]byte("\x1b[1;31mred\x1b[0m\r\n\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		text := Text(data, false)
		if !utf8.ValidString(text) || strings.ContainsAny(text, "\x1b\r\x00\u202e") {
			t.Errorf("%q becomes %q", data, text)
		}
		if n := len(Lines(data, false)); n > bytes.Count(data, []byte("\n"))+1 {
			t.Errorf("%q becomes %d lines", data, n)
		}
	})
}

func TestLastLine(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "\n \r\n": "", "first\nsecond \n\n": "second", " 10%\r 42%": "42%", " 10%\r 42%\r": "42%",
		"x\n\x1b[32mprocessing\x1b[0m 3 / 4\x1b[K\n\x1b[0m\n": "processing 3 / 4",
		"end\n" + strings.Repeat(" ", 9<<10):                  "",
	} {
		if got := LastLine([]byte(in)); got != want {
			t.Errorf("%.40q: got %q, want %q", in, got, want)
		}
	}
}
