package snapshot

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"qm/pkg/layout"
)

// Of a record in which something is forged or broken the rest is believed as far
// as before.
func TestRecordWithFaults(t *testing.T) {
	tree := newTree(t)
	tree.write("QM_dJobs/a/proc_config.cfg", "[QMOptions]\nscript : x\n")
	write := func(record string) { tree.write("QM_dJobs/a/"+layout.RecordFile, record) }
	detail := func() *Detail {
		dir, err := tree.store().OpenJob(layout.Done, "a")
		if err != nil {
			t.Fatal(err)
		}
		defer dir.Close()
		d, err := tree.store().Detail(dir, layout.Done, "a")
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	write(`{"started":"yesterday","submitted":17,"finished":"2026-01-02T03:04:05Z","outcome":"failed","exit_code":3,"signal":{},"cpus":"all","owner":"anna","nb_proc":"x","Reason":["x"]}`)
	d := detail()
	if d.Outcome != layout.Failed || d.ExitCode == nil || *d.ExitCode != 3 || d.Owner != "anna" || !d.Finished.Equal(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)) {
		t.Errorf("what is in order is not read: %+v", d.Job)
	}
	if !d.Started.IsZero() || !d.Submitted.IsZero() || d.Signal != nil || d.Record.CPUs != nil || d.Reason != "" {
		t.Errorf("what is not in order is read: %+v", d.Job)
	}
	for _, broken := range []string{"", "{", "[]", `"x"`, `{"started":1`, `{"started":"x"}`, "{" + strings.Repeat(`"x":1,`, 100) + `"a":1,"started":1}`} {
		write(broken)
		if d := detail(); d.Outcome != "" || d.Record != nil && d.Record.Name != "" {
			t.Errorf("%.40q is read as %+v", broken, d.Record)
		}
	}
	long := strings.Repeat("long ", 40_000)
	for what, forged := range map[string]layout.Record{"reason": {Reason: &long}, "owner": {Owner: &long}, "host": {Host: &long}, "GPUs": {GPUs: []string{long}}} {
		data, err := json.Marshal(forged)
		if err != nil {
			t.Fatal(err)
		}
		write(string(data))
		d := detail()
		if d.Record == nil {
			t.Fatalf("a long %s is not read at all", what)
		}
		for _, text := range append(d.Record.GPUs, d.Reason, d.Owner, deref(d.Record.Host)) {
			if len(text) > maxText {
				t.Errorf("a long %s has %d bytes", what, len(text))
			}
		}
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
