package mail

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestLastLines(t *testing.T) {
	many := ""
	for n := range 100 {
		many += fmt.Sprintln("line", n)
	}
	for name, c := range map[string]struct {
		log  string
		want []string
	}{
		"none":            {"", nil},
		"one":             {"a\n", []string{"a"}},
		"no line break":   {"a\nb", []string{"a", "b"}},
		"windows":         {"a\r\nb\r\n", []string{"a", "b"}},
		"progress":        {"go\n10%\r20%\r30%\n 5/10\r10/10\r", []string{"go", "30%", "10/10"}},
		"colours":         {"\x1b[1;31mred\x1b[0m \x1b]0;title\x07x\x1b(B\n", []string{"red x"}},
		"an escape alone": {"a\x1b", []string{"a"}},
		"controls":        {"a\x00b\x08c\x7fd\u202e\u009b31m\te\n", []string{"abcd31m e"}},
		"no UTF-8":        {"a\xff\xfeb\n", []string{"a?b"}},
		"a long one":      {strings.Repeat("x", 1000), []string{strings.Repeat("x", longestLine) + "…"}},
		"long and wide":   {strings.Repeat("ü", 1000), []string{strings.Repeat("ü", longestLine/2) + "…"}},
	} {
		if got := lastLines(c.log); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if got := lastLines(many); len(got) != mostLines || got[0] != "line 80" || got[mostLines-1] != "line 99" {
		t.Errorf("%q", got)
	}
	if got := strings.Join(lastLines(strings.Repeat(strings.Repeat("x", 5000)+"\n", 30)), "\n"); len(got) > mostBytes+mostLines {
		t.Errorf("%d bytes", len(got))
	}
	again := lastLines(strings.Join(lastLines(many), "\n"))
	if !slices.Equal(again, lastLines(many)) {
		t.Errorf("once more: %q", again)
	}
}
