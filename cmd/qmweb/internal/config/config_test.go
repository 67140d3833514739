package config

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestOriginal(t *testing.T) {
	c, err := Load("testdata/original.good.cfg")
	if err != nil {
		t.Fatal(err)
	}
	if c.Tree != filepath.Join("testdata", "QM") || c.Host != "localhost" || c.Port != 8000 || c.Refresh != 20*time.Second || c.Details || c.Debug || c.Public() {
		t.Errorf("got %+v", c)
	}
	if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "only reads") {
		t.Errorf("got warnings %q", c.Warnings)
	}
	if !slices.Equal(c.InfoNames, []string{"proc_config.cfg"}) || !slices.Contains(c.AllowedHosts, "127.0.0.1") {
		t.Errorf("got %+v", c)
	}
}

func TestAllKeys(t *testing.T) {
	c, err := Load("testdata/all.good.cfg")
	if err != nil {
		t.Fatal(err)
	}
	warnings := c.Warnings
	c.Warnings = nil
	if c.Tree != filepath.Join("testdata", "spool", "QM") || c.Host != "::1" || c.Port != 0 || c.Refresh != 5*time.Second ||
		!c.Details || !c.Debug || c.Prefix != "/lab/qm" || c.Public() {
		t.Errorf("got %+v", c)
	}
	if !slices.Equal(c.InfoNames, []string{"proc_config.cfg", "infos.xml", "job.sh"}) || !slices.Equal(c.AllowedHosts, []string{"qm.example.org", "::1"}) {
		t.Errorf("got %+v", c)
	}
	cert := "/etc/qm/cert.pem"
	if runtime.GOOS == "windows" {
		cert = `testdata\etc\qm\cert.pem` // without a drive it is no whole path
	}
	if c.User != "lab" || c.PasswordFile != filepath.Join("testdata", "passwords") || c.TLSCert != cert || c.TLSKey != filepath.Join("testdata", "key.pem") {
		t.Errorf("got %+v", c)
	}
	const file = "testdata/all.good.cfg"
	if want := []string{
		file + ", line 13: [WEB_QMserver] has no key the_porrt; did you mean The_Port?",
		file + ", line 14: [WEB_QMserver] has no key entirely_else",
	}; !slices.Equal(warnings, want) {
		t.Errorf("got warnings %q, want %q", warnings, want)
	}
}

// All faults come at once, each with its line and what to do.
func TestFaults(t *testing.T) {
	want, err := os.ReadFile("testdata/faults.bad.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Load("testdata/faults.bad.cfg")
	if err == nil {
		t.Fatal("it was accepted")
	}
	got := strings.Split(err.Error(), "\n")
	for i, line := range strings.Split(strings.TrimSpace(string(want)), "\n") {
		if i >= len(got) || got[i] != line {
			t.Errorf("line %d: got  %q\nwant %q", i+1, got[min(i, len(got)-1)], line)
		}
	}
}

func TestLoad(t *testing.T) {
	t.Chdir(t.TempDir())
	if c, err := Load(""); err != nil || c.Tree != "QM" {
		t.Errorf("without a file: %+v, %v", c, err)
	}
	if _, err := Load("none.cfg"); err == nil || !strings.Contains(err.Error(), "none.cfg") {
		t.Errorf("a file that is not there: %v", err)
	}
	if err := os.WriteFile(DefaultFile, []byte("[QMServer]\nQM_FOLDER = there\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := Load(""); err != nil || c.Tree != "there" {
		t.Errorf("with the default file: %+v, %v", c, err)
	}
	if err := os.WriteFile(DefaultFile, []byte("no section\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(""); err == nil {
		t.Error("rubbish was accepted")
	}
}

func TestPublic(t *testing.T) {
	for host, want := range map[string]bool{"localhost": false, "127.0.0.1": false, "127.1.2.3": false, "::1": false, "": true, "0.0.0.0": true, "lab7": true, "10.0.0.1": true} {
		if c := (Config{Host: host}); c.Public() != want {
			t.Errorf("%q: %v", host, c.Public())
		}
	}
}

func TestPrefixes(t *testing.T) {
	for value, want := range map[string]bool{"": true, "/": true, "/qm": true, "/a/b.c/": true, "qm": false, "//x": false, "/a//b": false, "/..": false, "/a b": false, "/{x}": false} {
		r := reader{}
		if got := takePrefix(&r, value) == nil; got != want {
			t.Errorf("%q accepted: %v", value, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"testdata/original.good.cfg", "testdata/all.good.cfg", "testdata/faults.bad.cfg"} {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("x.cfg", data)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without words")
			}
			return
		}
		if c.Port < 0 || c.Port > 65535 || c.Refresh < time.Second || c.Tree == "" || len(c.InfoNames) == 0 || len(c.AllowedHosts) == 0 ||
			c.Prefix != "" && (!strings.HasPrefix(c.Prefix, "/") || strings.HasPrefix(c.Prefix, "//")) {
			t.Errorf("accepted %+v", c)
		}
	})
}
