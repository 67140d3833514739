//go:build unix

package check

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// job makes a job's folder; files whose name begins with + may be executed.
func job(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		mode := os.FileMode(0o644)
		if strings.HasPrefix(name, "+") {
			name, mode = name[1:], 0o755
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestHints(t *testing.T) {
	const crlf, crlfLines = "its #! line ends with CR LF", "its lines end with CR LF"
	for what, c := range map[string]struct {
		script string // of proc_config.cfg; empty: the job is its own script
		files  map[string]string
		want   []string // what each hint holds; nil: there is none
	}{
		"in order":                  {"./run.sh && sh more.sh", map[string]string{"+run.sh": "#!/bin/sh\ntrue\n", "more.sh": "true\n"}, nil},
		"CRLF, executed":            {"./run.sh", map[string]string{"+run.sh": "#!/bin/sh\r\ntrue\r\n"}, []string{crlf}},
		"CRLF behind the #! line":   {"./run.sh", map[string]string{"+run.sh": "#!/bin/sh\ntrue\r\n"}, []string{crlfLines}},
		"CRLF, by a shell":          {"sh -x run.sh", map[string]string{"run.sh": "true\r\n"}, []string{crlfLines}},
		"CRLF, in a shell's data":   {"sh run.sh data.txt", map[string]string{"run.sh": "true\n", "data.txt": "1\r\n"}, nil},
		"CRLF, a command in quotes": {"sh -c 'run.sh' run.sh", map[string]string{"run.sh": "true\r\n"}, nil},
		"CRLF, Python does not mind": {
			"env run.py", map[string]string{"run.py": "#!/usr/bin/python3\r\n"}, nil,
		},
		"CRLF, no #! line":   {"true; ./run", map[string]string{"+run": "true\r\n"}, []string{crlfLines}},
		"a program":          {"./prog", map[string]string{"+prog": "\x7fELF\x00\r\n"}, nil},
		"BOM":                {"./run.sh", map[string]string{"+run.sh": bom + "#!/bin/sh\n"}, []string{"begins with a byte order mark"}},
		"BOM, by a shell":    {"sh run.sh", map[string]string{"run.sh": bom + "true\n"}, []string{"begins with a byte order mark"}},
		"UTF-16":             {"sh run.sh", map[string]string{"run.sh": "\xff\xfet\x00"}, []string{"is UTF-16"}},
		"no x bit":           {"./run.sh", map[string]string{"run.sh": "#!/bin/sh\n"}, []string{"has no x bit and can't be executed: chmod +x it"}},
		"no interpreter":     {"./run.py", map[string]string{"+run.py": "#!/no/such/python\n"}, []string{"the interpreter of its #! line, /no/such/python, is not here"}},
		"none by env":        {"./run.py", map[string]string{"+run.py": "#!/usr/bin/env -S nosuchpython -u\n"}, []string{"nosuchpython, is not here"}},
		"none in the path":   {"nosuchprogram x", nil, []string{"nosuchprogram is not here (PATH is /usr/bin:/bin)"}},
		"none at its path":   {"/no/such/program", nil, []string{"/no/such/program is not here"}},
		"none in the folder": {"./run.sh", nil, []string{"./run.sh is not in the folder"}},
		"without a path":     {"run.sh -v", map[string]string{"+run.sh": "#!/bin/sh\n"}, []string{"run.sh lies in the folder, where a shell does not look for commands: write ./run.sh"}},
		"made before":        {"make all; ./prog; nosuchprogram", nil, []string{"make is not here"}},
		"unclear":            {"$X/run.sh; ~/x.sh", nil, nil},
		"a path of Windows":  {`true C:\data\in.txt`, nil, []string{`C:\data\in.txt is a path of Windows`}},
		"with slashes":       {"true --in=D:/data", nil, []string{"D:/data is a path of Windows"}},
		"no path of Windows": {"true http://example.org a:b", nil, nil},
		"case of a word":     {"true Fit.py", map[string]string{"fit.py": ""}, []string{"the command says Fit.py, and in the folder lies fit.py"}},
		"case of a program":  {"./Run.sh", map[string]string{"+run.sh": ""}, []string{"the command says ./Run.sh, and in the folder lies run.sh"}},
		"accents":            {"cat na\u00efve", map[string]string{"nai\u0308ve": ""}, []string{"case and accents count"}},
		"backslashes":        {`cat in\a.dat "in\b.dat" x\ y`, map[string]string{"in/a.dat": "", "x y": ""}, []string{`in\a.dat in the command: only Windows takes \ between folders; write in/a.dat`}},

		"its own script":              {"", map[string]string{"job.sh": "#!/bin/sh\ntrue\n"}, nil},
		"its own, no interpreter":     {"", map[string]string{"job.sh": "#!/no/such/bash\n"}, []string{"/no/such/bash, is not here"}},
		"its own, CRLF":               {"", map[string]string{"job.sh": "#!/bin/sh\r\ntrue\r\n"}, []string{"ends with CR LF"}},
		"its own, CRLF and no #!":     {"", map[string]string{"job.sh": "true\r\n"}, []string{crlfLines}},
		"its own, CRLF for a shell":   {"", map[string]string{"job.sh": "#!/bin/sh\ntrue\r\n"}, []string{crlfLines}},
		"its own, CRLF, not for a sh": {"", map[string]string{"job.sh": "#!/usr/bin/env python3\n1\r\n"}, nil},
	} {
		t.Run(what, func(t *testing.T) {
			dir := job(t, c.files)
			if c.script != "" {
				if err := os.WriteFile(filepath.Join(dir, "proc_config.cfg"), []byte("[QMOptions]\nscript = "+c.script+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			server := runsAll
			if what == "made before" || strings.HasPrefix(what, "its own, CRLF, not") {
				server.Path = t.TempDir() // python3 and make may be there or not
			}
			r := Folders([]string{dir}, server)[0]
			if strings.HasPrefix(what, "its own, CRLF, not") {
				c.want = []string{"python3, is not here"}
			}
			if !r.OK || len(r.Warnings) != len(c.want) {
				t.Fatalf("%+v, want %q", r, c.want)
			}
			for i, want := range c.want {
				if !strings.Contains(r.Warnings[i], want) {
					t.Errorf("%q, want %q", r.Warnings[i], want)
				}
			}
		})
	}
}

// TestHintsOfAHostileFolder: nothing blocks, and nothing outside is read.
func TestHintsOfAHostileFolder(t *testing.T) {
	outside := job(t, map[string]string{"+x.sh": "#!/bin/sh\r\n"})
	dir := job(t, map[string]string{"proc_config.cfg": "[QMOptions]\nscript = ./fifo; ./link; sh fifo; ./folder; ./big; ../x.sh\n", "folder/x": ""})
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(outside, "x.sh"), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	big, err := os.OpenFile(filepath.Join(dir, "big"), os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if err := big.Truncate(1 << 40); err != nil {
		t.Skip(err)
	}
	if err := big.Close(); err != nil {
		t.Fatal(err)
	}
	if r := Folders([]string{dir}, runsAll)[0]; !r.OK || len(r.Warnings) != 0 {
		t.Errorf("%+v", r)
	}
}
