package supervise

import (
	"os"
	"strings"
	"testing"

	"qm/pkg/layout"
)

// TestWhatAJobStumblesOver: its log and its record say in one line what is wrong
// and how to mend it, if a shell says that it could not execute a command.
func TestWhatAJobStumblesOver(t *testing.T) {
	p := newProcess(t)
	for name, c := range map[string]struct {
		command string
		args    []string
		file    string // run.sh in its folder; with + in front it may be executed
		want    string // empty: nothing is said
	}{
		"not there":      {"nosuchprogram --all", nil, "", "a command was not found (exit code 127): nosuchprogram is not here (PATH is "},
		"without a path": {"run.sh", nil, "+#!/bin/sh\ntrue\n", "a command was not found (exit code 127): run.sh lies in the folder, where a shell does not look for commands: write ./run.sh"},
		"no x bit":       {"./run.sh", nil, "#!/bin/sh\ntrue\n", "a file could not be executed (exit code 126): ./run.sh has no x bit and can't be executed: chmod +x it, or write its interpreter before it"},
		"of Windows":     {"./run.sh", nil, "+#!/bin/sh\r\ntrue\r\n", "run.sh: its #! line ends with CR LF, as Windows writes it, and no interpreter is found by that name: save it with LF line ends"},
		"read by sh":     {"sh run.sh", nil, "nosuchprogram\r\n", "a command was not found (exit code 127): run.sh: its lines end with CR LF"},
		"its own script": {"", []string{"/bin/sh", "./run.sh"}, "nosuchprogram\r\n", "a command was not found (exit code 127): ./run.sh: its lines end with CR LF"},
		"deep inside":    {"sh run.sh", nil, "nosuchprogram\n", "a command was not found (exit code 127): it has to lie in a folder of PATH, or to be called with its path, such as ./run.sh"},
		"a folder":       {"./.", nil, "", "a file could not be executed (exit code 126): it needs an x bit"},
		"another code":   {"nosuchprogram; exit 3", nil, "", ""},
		"good":           {"nosuchprogram; true", nil, "", ""},
	} {
		j := p.job(name, c.command)
		j.Args = c.args
		if text, executable := strings.CutPrefix(c.file, "+"); c.file != "" {
			mode := os.FileMode(0o644)
			if executable {
				mode = 0o755
			}
			if err := os.WriteFile(p.path(name, "run.sh"), []byte(text), mode); err != nil {
				t.Fatal(err)
			}
		}
		end := p.do(j)
		if end.Signal != nil || !strings.Contains(end.Reason, c.want) || (end.Reason == "") != (c.want == "") {
			t.Errorf("%s: %q, want %q\n%s", name, end.Reason, c.want, p.log(name))
		}
		if c.want != "" && (strings.Count(p.log(name), "QM: "+end.Reason+"\nJob finished at: ") != 1 || end.Outcome != layout.Failed) {
			t.Errorf("%s: %s", name, p.log(name))
		}
	}
}
