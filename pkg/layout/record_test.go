package layout_test

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"qm/pkg/layout"
)

func TestRecordIsReadBack(t *testing.T) {
	script, code, started, outcome := "echo 'a' && exit 3", 3, stampTime.Add(time.Millisecond), layout.Failed
	want := &layout.Record{Name: "a", Script: &script, Started: &started, Outcome: &outcome, ExitCode: &code, Attempt: 1}
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := layout.ParseRecord(data)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("ParseRecord(%s) = %+v, %v", data, got, err)
	}
}

// The names in the record are a promise to those who script against it.
func TestRecordKeys(t *testing.T) {
	want := []string{"name", "script", "owner", "host", "nb_proc", "cpus", "gpus", "submitted", "claimed", "started", "finished",
		"outcome", "exit_code", "signal", "reason", "cpu_seconds", "peak_memory_bytes", "attempt"}
	data, err := json.Marshal(layout.Record{})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	for _, key := range want {
		value, ok := got[key]
		if !ok {
			t.Errorf("the record has no %q", key)
		}
		if known := key == "name" || key == "attempt"; !known && value != nil {
			t.Errorf("%s of an empty record is %v, want null", key, value)
		}
	}
	if len(got) != len(want) {
		t.Errorf("the record has %d keys, want %d: %s", len(got), len(want), data)
	}
}

func TestTornStatusFilesAreErrors(t *testing.T) {
	parsers := map[string]func([]byte) error{
		"record":    func(data []byte) error { _, err := layout.ParseRecord(data); return err },
		"heartbeat": func(data []byte) error { _, err := layout.ParseHeartbeat(data); return err },
		"queue":     func(data []byte) error { _, err := layout.ParseQueue(data); return err },
	}
	for name, parse := range parsers {
		if err := parse([]byte("{}")); err != nil {
			t.Errorf("%s {}: %v", name, err)
		}
		for _, torn := range []string{"", "{", `{"name": "a"`, "[]", "\x00\x00\x00", `{"name": 1, "host": 1, "waiting": "x"}`} {
			if err := parse([]byte(torn)); err == nil {
				t.Errorf("%s %q: no error", name, torn)
			}
		}
	}
}
