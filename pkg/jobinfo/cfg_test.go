package jobinfo

import (
	"fmt"
	"strings"
	"testing"
)

func TestCFGRefusals(t *testing.T) {
	const head = "[QMOptions]\nscript = true\n"
	tests := []struct{ text, want string }{
		{"", "q.cfg: no section [QMOptions]; put the line [QMOptions] above its keys"},
		{"[qmoptions]\nscript = a\n", "q.cfg: no section [QMOptions]; write [QMOptions] instead of [qmoptions]"},
		{"[ QMOptions ]\nscript = a\n", "q.cfg: no section [QMOptions]; write [QMOptions] instead of [ QMOptions ]"},
		{"[DEFAULT]\nscript = a\n", "q.cfg: no section [QMOptions]; put the line [QMOptions] above its keys"},
		{"[QMOptions]\n", "q.cfg: script: missing: there is nothing to run; write the command line, such as script = sh run.sh"},
		{"[QMOptions]\nscript =\n\n", `q.cfg, line 2: script = "": empty: there is nothing to run; write the command line, such as script = sh run.sh`},
		{"script = a\n", `q.cfg, line 1: "script = a" stands before any section; put a line with the section's name above it, such as [QMOptions]`},
		{head + "script = b\n", `q.cfg, line 3: script = "b": given twice (also in line 2); remove one of the two`},
		{head + "[QMOptions]\n", "q.cfg, line 3: section [QMOptions] stands twice (also in line 1); put its keys together"},
		{head + "e-mail = a@b.c\ne_mail = a@b.c\n", `q.cfg, line 3: e-mail = "a@b.c": given twice (also in line 4); remove one of the two`},
		{head + "info = %(info)s\n", `q.cfg, line 3: info = "%(info)s": refers to itself, or through more than 10 other keys; write out what %(...)s stands for, or %% for a % sign`},
		{head + "Σ = 1\n", `q.cfg, line 3: Σ = "1": the lower case of this key is not certain; write the key in lower case`},
		{head + "info = \x00\n", "q.cfg, line 3: holds the control character U+0000; remove it"},
		{"[QMOptions]\r\nscript = a\r\rinfo = \x1b[1m\n", "q.cfg, line 4: holds the control character U+001B; remove it"},
		{head + "info = \xfc\x96\n", "q.cfg, line 3: holds the control character U+0096; remove it, or save the file as UTF-8 if it is a letter of another encoding"},
		{"\xef\xbb\xbf" + head, "q.cfg, line 1: begins with a byte order mark (BOM); save it as UTF-8 without BOM"},
		{"\xff\xfe[\x00Q\x00", "q.cfg, line 1: is UTF-16; save it as UTF-8 without BOM"},
		{head + strings.Repeat("#", MaxSize), "q.cfg: over 1 MiB; keep data in files of its own"},
	}
	for _, test := range tests {
		_, err := Parse("q.cfg", []byte(test.text))
		if err == nil || err.Error() != test.want {
			t.Errorf("%.80q: error\n%v, want\n%s", test.text, err, test.want)
		}
	}
}

func TestCFGCommand(t *testing.T) {
	tests := []struct{ value, want string }{
		{"`which python` x", "`which python` x"},
		{`"a b" 'c' \`, `"a b" 'c' \`},
		{`"""a"""`, `"""a"""`},
		{"a # b ; c", "a # b ; c"},
		{"date +%Y-%m-%d", "date +%Y-%m-%d"},
		{"echo 100%% %(size)s %(none)s", "echo 100% 7 %(none)s"},
		{"python3 a.py \\\n   --x=1 \\\n   --y:2", `python3 a.py \ --x=1 \ --y:2`},
		{"a\n  b\n\n# no\n  c", "a b c"},
	}
	for _, test := range tests {
		info, err := Parse("q.cfg", []byte("[QMOptions]\nsize = 7\nscript = "+test.value+"\nnb_proc = 2\n"))
		if err != nil || info.Command != test.want || info.NbProc != 2 {
			t.Errorf("%q: %q, %v, want %q", test.value, info.Command, err, test.want)
		}
	}
}

func TestLatin1IsAWarning(t *testing.T) {
	info, err := Parse("q.cfg", []byte("[QMOptions]\nscript = true\ninfo = Gr\xfc\xdfe\n"))
	if err != nil || info.Info != "Grüße" {
		t.Errorf("info %q, %v", info.Info, err)
	}
	want := "q.cfg: not UTF-8 (first in line 3), read as Latin-1: save it as UTF-8"
	if got := strings.Join(info.Warnings, "\n"); got != want {
		t.Errorf("warnings %q, want %q", got, want)
	}
}

func TestINI(t *testing.T) {
	file, err := ParseINI("QMserv.cfg", []byte("[DEFAULT]\nHome = /h\n\n[QMServer]\nQM_FOLDER : %(home)s/QM\n\n[Other]\n# none\n[QMserver]\nDebug = 1\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(file.Sections(), " "); got != "DEFAULT QMServer Other QMserver" {
		t.Errorf("sections %s", got)
	}
	s, ok := file.Section("QMServer")
	if !ok || s.Line != 4 || fmt.Sprint(s.Keys()) != "[{qm_folder 5}]" {
		t.Fatalf("section %+v, %t", s, ok)
	}
	for _, key := range []string{"QM_FOLDER", "qm_folder"} {
		if v, ok, err := s.Get(key); v != (Value{"/h/QM", 5}) || !ok || err != nil {
			t.Errorf("Get(%s) = %+v, %t, %v", key, v, ok, err)
		}
	}
	if v, ok, err := s.Get("home"); v != (Value{"/h", 2}) || !ok || err != nil {
		t.Errorf("Get(home) = %+v, %t, %v", v, ok, err)
	}
	if _, ok, _ := s.Get("debug"); ok {
		t.Error("a key of another section was found")
	}
	if _, ok := file.Section("qmserver"); ok {
		t.Error("a section was found in another case")
	}
}

// Files that would take long to read are refused instead.
func TestINIBounds(t *testing.T) {
	var many, deep strings.Builder
	many.WriteString("[S]\n")
	for i := range MaxSize / 16 {
		fmt.Fprintf(&many, "k%d=\n", i)
	}
	deep.WriteString("[S]\n")
	for i := range 9 {
		fmt.Fprintf(&deep, "k%d=%s\n", i, strings.Repeat(fmt.Sprintf("%%(k%d)s", i+1), 1000))
	}
	deep.WriteString("k9=%%\n")
	if _, err := ParseINI("f", []byte(many.String())); err == nil || err.Error() != "f, line 4097: more than 4096 keys and sections; keep data in files of its own" {
		t.Errorf("many keys: %v", err)
	}
	file, err := ParseINI("f", []byte(deep.String()))
	if err != nil {
		t.Fatal(err)
	}
	s, _ := file.Section("S")
	if _, _, err := s.Get("k0"); err == nil || !strings.HasSuffix(err.Error(), "has too many references; write out what %(...)s stands for") {
		t.Errorf("many references: %v", err)
	}
	if _, err := ParseINI("f", []byte("[S]\n"+strings.Repeat("x\n", 1000))); len(strings.Split(err.Error(), "\n")) != maxFaults {
		t.Errorf("many faults: %v", err)
	}
}
