package terminal

import (
	"strings"
	"testing"
)

func TestText(t *testing.T) {
	for _, c := range []struct {
		in     string
		middle bool
		want   string
	}{
		{"plain\n", false, "plain\n"},
		{"part of a line\nwhole\n", true, "whole\n"},
		{"no line break at all", true, "no line break at all"},
		{" 1%\r 50%\r100%\ndone\r\n", false, "100%\ndone\n"},
		{"\x1b[1;31mred\x1b[0m \x1b]0;title\x07x\x1b(B", false, "red x"},
		{"caf\xe9 \x00\x08\ttab", false, "caf� \ttab"},
		{"a\u202eb", false, "ab"},
	} {
		if got := Text([]byte(c.in), c.middle); got != c.want {
			t.Errorf("%q becomes %q, want %q", c.in, got, c.want)
		}
	}
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
