package check

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"qm/pkg/jobinfo"
)

func folder(t *testing.T, cfg string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "proc_config.cfg"), []byte(cfg), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// runsAll is a server that can run whatever is asked for.
var runsAll = Server{JobFiles: []string{"proc_config.cfg", "job.sh"}, Path: "/usr/bin:/bin", Refuse: func(jobinfo.Info) string { return "" }}

func TestFolders(t *testing.T) {
	good := folder(t, "[QMOptions]\nscript = echo 'a < b'\nnb_proc = 2\ntime_limit = 1m\ne-mail = a@example.org\n")
	bad := folder(t, "[QMOptions]\nnb_proc = 0\ninfo = kept\n")
	file := filepath.Join(good, "proc_config.cfg")
	none := filepath.Join(good, "none")
	results := Folders([]string{good + "/", bad, file, none}, runsAll)

	if r := results[0]; !r.OK || r.Script != "echo 'a < b'" || r.NbProc != 2 || r.Limit != 60 || r.EMail != "a@example.org" || r.Name != filepath.Base(good) {
		t.Errorf("good: %+v", r)
	}
	if r := results[1]; r.OK || r.Info != "kept" || !strings.Contains(r.Reason, "nb_proc") || !strings.Contains(r.Reason, "script") {
		t.Errorf("bad: %+v", r)
	}
	if r := results[2]; r.OK || !strings.Contains(r.Reason, "a job is a folder") {
		t.Errorf("a file: %+v", r)
	}
	if r := results[3]; r.OK || r.Reason != "there is no such folder" {
		t.Errorf("none: %+v", r)
	}
	entries, err := os.ReadDir(good)
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder was changed: %v, %v", entries, err)
	}
}

func TestWriteJSON(t *testing.T) {
	var b bytes.Buffer
	if err := WriteJSON(&b, Folders([]string{folder(t, "[QMOptions]\nscript = a < b\n")}, runsAll)); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Jobs []map[string]any `json:"jobs"`
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	j := got.Jobs[0]
	if j["script"] != "a < b" || j["ok"] != true || j["nb_proc"] != 1.0 || j["after"] == nil || j["warnings"] == nil {
		t.Errorf("%v", j)
	}
}
