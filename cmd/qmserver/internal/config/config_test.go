package config

import (
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
)

func parse(t *testing.T, name string) (Config, error) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return Parse(name, data)
}

func TestGood(t *testing.T) {
	original := Default()
	original.Folder, original.MaxNbProcessors, original.JobFiles = "/srv/QM", 4, []string{"proc_config.cfg"}
	if runtime.GOOS == "windows" {
		original.Folder = `srv\QM` // without a drive it is no whole path
	}
	list := Default()
	list.JobFiles = []string{"proc_config.cfg", "infos.xml", "job.sh"}
	list.LaunchType, list.PollInterval, list.MaxTimeLimit, list.LogMaxSize = Blocking, 500*time.Millisecond, 7*24*time.Hour, 1<<20
	cluster := Default()
	cluster.LaunchType = Slurm
	cluster.Cluster = Cluster{Most: 20, Every: 500 * time.Millisecond, Options: []string{
		"--partition=long", "--wait-all-nodes=1", "--constraint=fast&big", "--no-requeue", "--exclusive",
	}}
	for name, want := range map[string]Config{"original.good.cfg": original, "list.good.cfg": list, "slurm.good.cfg": cluster} {
		got, err := parse(t, name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want.File, got.Warnings = name, nil
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", name, got, want)
		}
	}
}

// TestBad: each *.bad.cfg gives all that stands in its *.bad.txt.
func TestBad(t *testing.T) {
	files, err := filepath.Glob("testdata/*.bad.cfg")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		want, err := os.ReadFile(strings.TrimSuffix(file, ".cfg") + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parse(t, filepath.Base(file)); err == nil || err.Error()+"\n" != string(want) {
			t.Errorf("%s gives\n%v\nwant\n%s", file, err, want)
		}
	}
}

// TestShipped: the configuration that we ship says what holds without it.
func TestShipped(t *testing.T) {
	got, err := Read("../../../../config/QMserv.cfg")
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.File, want.Folder = got.File, filepath.Join("../../../../config", want.Folder)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n got %+v\nwant %+v", got, want)
	}
}

// TestExamples: what messages and README give as an example is accepted.
func TestExamples(t *testing.T) {
	for _, k := range Keys {
		c := Default()
		if err := k.read(&c, k.Example); err != nil {
			t.Errorf("%s = %s: %v", k.Name, k.Example, err)
		}
	}
}

func TestWithoutAFile(t *testing.T) {
	t.Chdir(t.TempDir())
	got, err := Read("")
	if err != nil || !reflect.DeepEqual(got, Default()) {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := Read("none.cfg"); err == nil {
		t.Error("a file that was named and is not there was passed over")
	}
	if err := os.WriteFile(DefaultFile, []byte("[QMServer]\nQM_FOLDER = here\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := Read(""); err != nil || got.Folder != "here" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestUnknownKeys(t *testing.T) {
	c, err := Parse("f", []byte("[QMServer]\nsettle_tme = 1\nxyzzy = 1\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{`f, line 2: unknown key "settle_tme"; did you mean settle_time?`, `f, line 3: unknown key "xyzzy"`}
	if !reflect.DeepEqual(c.Warnings, want) {
		t.Errorf("%q", c.Warnings)
	}
}

// TestWhatMeansNothing under Slurm, or without it, is told.
func TestWhatMeansNothing(t *testing.T) {
	for text, want := range map[string][]string{
		"launch_type = slurm\nMaxNbProcessors = 4\nGPUs = 0": {
			"f, line 3: MaxNbProcessors has no effect with launch_type = slurm: slurm_max_in_flight says how many jobs Slurm has at a time, and Slurm where there is room",
			"f, line 4: GPUs has no effect with launch_type = slurm: Slurm shares out the GPUs of its nodes",
		},
		"slurm_max_in_flight = 5": {"f, line 2: slurm_max_in_flight has no effect without launch_type = slurm"},
	} {
		c, err := Parse("f", []byte("[QMServer]\n"+text+"\n"))
		if err != nil || !reflect.DeepEqual(c.Warnings, want) {
			t.Errorf("%s: %q, %v", text, c.Warnings, err)
		}
	}
}
