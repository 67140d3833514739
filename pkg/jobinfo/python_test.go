package jobinfo

import (
	"bytes"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/ini.v1"
)

const pythonDir = "../../testdata/configparser"

// pythonCase is a file and what Python's ConfigParser reads from it; see
// testdata/configparser/generate.py.
type pythonCase struct {
	Name     string
	Encoding string
	Text     string
	Error    *string
	Sections map[string]map[string]struct {
		Value string
		Error *string
	}
}

func (c *pythonCase) data() []byte {
	if c.Encoding != "latin-1" {
		return []byte(c.Text)
	}
	var data []byte
	for _, r := range c.Text {
		data = append(data, byte(r))
	}
	return data
}

func pythonCases(t testing.TB, lines []byte) []pythonCase {
	t.Helper()
	var cases []pythonCase
	for line := range bytes.Lines(lines) {
		var c pythonCase
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
	}
	return cases
}

func committedCases(t testing.TB) []pythonCase {
	t.Helper()
	lines, err := os.ReadFile(pythonDir + "/cases.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	return pythonCases(t, lines)
}

func TestINIReadsAsPython(t *testing.T) {
	cases := committedCases(t)
	if len(cases) < 250 {
		t.Fatalf("%d cases, want at least 250", len(cases))
	}
	comparePython(t, cases)
}

func TestINIReadsAsPythonFresh(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3 in PATH: nothing to compare fresh files with")
	}
	if exec.Command(python, "-c", "import sys; sys.exit(sys.version_info < (3, 9))").Run() != nil {
		t.Skip("python3 is older than 3.9, which took [a]b] for the section a")
	}
	seed := rand.IntN(1_000_000_000)
	t.Logf("python3 %s/generate.py -seed %d -count 4000", pythonDir, seed)
	cmd := exec.Command(python, pythonDir+"/generate.py", "-seed", strconv.Itoa(seed), "-count", "4000")
	cmd.Stderr = os.Stderr
	lines, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	comparePython(t, pythonCases(t, lines))
}

func comparePython(t *testing.T, cases []pythonCase) {
	t.Helper()
	wrong, refused, values, alone := 0, 0, 0, 0
	for _, c := range cases {
		if c.Error != nil {
			refused++
		}
		values += comparePythonCase(t, c)
		if !readsAlone(c) {
			alone++
		}
		if t.Failed() {
			if wrong++; wrong > 5 {
				t.Fatal("and so on")
			}
		}
	}
	t.Logf("%d files, %d of them refused, %d values; ini.v1 left to itself differs in %d files", len(cases), refused, values, alone)
}

// comparePythonCase reports how many values it compared.
func comparePythonCase(t *testing.T, c pythonCase) (values int) {
	t.Helper()
	file, err := ParseINI(c.Name, c.data())
	if (err != nil) != (c.Error != nil) {
		t.Errorf("%s: %q: error %v, Python's %s", c.Name, c.Text, err, deref(c.Error))
	}
	if err != nil || c.Error != nil {
		return 0
	}
	if names := slices.DeleteFunc(file.Sections(), func(n string) bool { return n == defaultSection }); !slices.Equal(slices.Sorted(slices.Values(names)), slices.Sorted(maps.Keys(c.Sections))) {
		t.Errorf("%s: %q: sections %q, Python's %q", c.Name, c.Text, names, slices.Sorted(maps.Keys(c.Sections)))
	}
	for name, want := range c.Sections {
		section, ok := file.Section(name)
		if !ok {
			continue
		}
		if got, want := allKeys(file, section), slices.Sorted(maps.Keys(want)); !slices.Equal(got, want) {
			t.Errorf("%s: %q: keys of [%s] are %q, Python's %q", c.Name, c.Text, name, got, want)
		}
		for key, want := range want {
			values++
			got, ok, err := section.Get(key)
			if !ok || (err != nil) != (want.Error != nil) || err == nil && got.Text != oneLine(want.Value) {
				t.Errorf("%s: %q: [%s] %s = %q, %t, %v; Python's %q, %s", c.Name, c.Text, name, key, got.Text, ok, err, want.Value, deref(want.Error))
			}
		}
	}
	return values
}

// allKeys returns what options() does: the section's keys and DEFAULT's.
func allKeys(file *INI, section *Section) []string {
	names := map[string]bool{}
	for _, k := range section.Keys() {
		names[k.Name] = true
	}
	if defaults, ok := file.Section(defaultSection); ok {
		for _, k := range defaults.Keys() {
			names[k.Name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func deref(s *string) string {
	if s == nil {
		return "no error"
	}
	return *s
}

// readsAlone reports whether ini.v1, with the options that suit it best but
// without our pass over the lines, reads the file as Python does.
func readsAlone(c pythonCase) bool {
	parsed, err := ini.LoadSources(ini.LoadOptions{
		IgnoreInlineComment: true, IgnoreContinuation: true, PreserveSurroundedQuote: true,
		AllowPythonMultilineValues: true, InsensitiveKeys: true,
	}, c.data())
	if err != nil || c.Error != nil {
		return err != nil && c.Error != nil
	}
	for name, keys := range c.Sections {
		for key, want := range keys {
			if want.Error != nil {
				continue
			}
			got := parsed.Section(name).Key(key).Value()
			if !strings.Contains(got, "%") && strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(want.Value), " ") {
				return false
			}
		}
	}
	return true
}
