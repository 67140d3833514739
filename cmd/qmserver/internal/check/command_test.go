package check

import (
	"fmt"
	"strings"
	"testing"
)

func TestWords(t *testing.T) {
	for line, want := range map[string]string{
		"python3 fit.py --all":                        "python3 fit.py --all",
		"A=1 ./run.sh 'two words' \"three $x\" b\\ c": "./run.sh,two words,b c",
		"make && ./prog <in >out 2>&1; sh x.sh":       "make|./prog|sh x.sh",
		"if [ -e x ]; then ./y; else ./z; fi":         "[ -e x ]|./y|./z",
		"for f in *.dat; do ./one $f; done":           "for f in|./one",
		"echo a # ./not":                              "echo a",
		"./a;cd sub;./b":                              "./a",
		"$PYTHON x.py":                                "x.py",
		"(./a | ./b) & ./c":                           "./a|./b|./c",
		"./a 'not closed":                             "./a",
		"  \n ./a\n\n./b":                             "./a|./b",
		"":                                            "",
	} {
		var b strings.Builder
		last := -1
		for i, w := range words(line) {
			switch {
			case i == 0:
			case w.command != last:
				b.WriteString("|")
			case strings.Contains(line, "two words"):
				b.WriteString(",")
			default:
				b.WriteString(" ")
			}
			last = w.command
			b.WriteString(w.text)
		}
		if got := b.String(); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
	if got := words("A=1 sh -x run.sh"); fmt.Sprint(got) != "[{sh 0 0} {-x 0 1} {run.sh 0 2}]" {
		t.Error(got)
	}
}

func FuzzWords(f *testing.F) {
	f.Add("A=1 ./run.sh 'two words' \"three $x\" b\\ c; cd x && y")
	f.Fuzz(func(t *testing.T, line string) {
		if got := words(line); len(got) > len(line) {
			t.Errorf("%q: %v", line, got)
		}
	})
}
