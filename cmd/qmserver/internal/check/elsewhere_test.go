//go:build unix

package check

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestElsewhere: what other systems than this one would trip over.
func TestElsewhere(t *testing.T) {
	deep := strings.Repeat(strings.Repeat("d", 60)+"/", 4)
	for what, c := range map[string]struct {
		script string // of proc_config.cfg; empty: the job is its own script
		files  map[string]string
		want   []string // what each line holds; nil: there is none
	}{
		"in order":           {`python3 fit.py "it's; a" --all`, map[string]string{"fit.py": "#!/usr/bin/env python3\n", "in/a.dat": ""}, nil},
		"a script":           {"", map[string]string{"job.sh": "#!/bin/sh\n"}, []string{"job.sh is a shell script, which Windows does not run"}},
		"a #! line":          {"./fit.py && ./prog x", map[string]string{"+fit.py": "#!/usr/bin/python3\n", "+prog": "\x7fELF"}, []string{"./fit.py is started by its #! line", "takes the / in ./prog for an option"}},
		"a path":             {"python3 </dev/null x=/usr/share/x", nil, []string{"/dev/null is a path that Windows does not have"}},
		"a program's path":   {"/opt/fit/run", nil, []string{"/opt/fit/run is a path that Windows does not have"}},
		"an option":          {"python3 /c /usr", nil, nil},
		"a shell":            {"sh run.sh", map[string]string{"run.sh": "true\n"}, []string{"sh is no command of Windows"}},
		"a variable":         {"python3 $HOME.py", nil, []string{"the $ in the command means something to a shell"}},
		"a quote":            {"python3 'a b'", nil, []string{"the ' in the command"}},
		"two commands":       {"python3 a; python3 b", nil, []string{"the ; in the command"}},
		"a price":            {`python3 "5 $ a"`, nil, nil},
		"labels":             {"run.bat", map[string]string{"run.bat": "goto x\n:x\n"}, []string{"run.bat: its lines end with LF alone"}},
		"labels, CR LF":      {"run.bat", map[string]string{"run.bat": "goto x\r\n:x\r\n"}, nil},
		"case of names":      {"python3", map[string]string{"a/b/X.dat": "", "a/b/x.dat": "", "a/x.dat": ""}, []string{"a/b/X.dat and x.dat differ only in case"}},
		"two accents":        {"python3", map[string]string{"na\u00efve": "", "nai\u0308ve": ""}, []string{"its accents written in two ways", "written apart (NFD)"}},
		"an accent apart":    {"python3", map[string]string{"nai\u0308ve": ""}, []string{"has accents that are written apart (NFD)"}},
		"names of Windows":   {"python3", map[string]string{"a:b": "", "sub/aux.c": ""}, []string{"a:b has : in it: Windows can't hold that name", "sub/aux.c is a device there"}},
		"many of them":       {"python3", map[string]string{"1:": "", "2:": "", "3:": "", "4:": "", "5:": ""}, []string{"1: has :", "2: has :", "3: has :", "2 more such names"}},
		"a long path":        {"python3", map[string]string{deep + "x": ""}, []string{"its path has 2", "its path has 2"}},
		"a path long enough": {"python3", map[string]string{deep[:180] + "/x": ""}, nil},
	} {
		t.Run(what, func(t *testing.T) {
			dir := job(t, c.files)
			if c.script != "" {
				if err := os.WriteFile(filepath.Join(dir, "proc_config.cfg"), []byte("[QMOptions]\nscript = "+c.script+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			r := Folders([]string{dir}, runsAll)[0]
			if !r.OK || len(r.Elsewhere) != len(c.want) {
				t.Fatalf("%+v, want %q", r, c.want)
			}
			for i, want := range c.want {
				if !strings.Contains(r.Elsewhere[i], want) {
					t.Errorf("%q, want %q", r.Elsewhere[i], want)
				}
			}
		})
	}
}

// TestElsewhereOfTheJobsOwnName: Windows must hold that too.
func TestElsewhereOfTheJobsOwnName(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "fit: one")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "proc_config.cfg"), []byte("[QMOptions]\nscript = python3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := Folders([]string{dir}, runsAll)[0]
	if !r.OK || len(r.Elsewhere) != 1 || !strings.HasPrefix(r.Elsewhere[0], "fit: one has : in it") {
		t.Errorf("%+v", r)
	}
}
