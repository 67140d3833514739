package spool

import (
	"os"
	"path/filepath"
	"testing"

	"qm/cmd/qmserver/internal/patient"
	"qm/pkg/layout"
)

// TestWhatAFollowerSays: why it waits keeps up with the job that it waits for.
func TestWhatAFollowerSays(t *testing.T) {
	s := newServer(t)
	s.put(layout.Queued, "report", "script = true\nafter = fit")
	says := func() string {
		data, err := os.ReadFile(s.tree.Path(layout.QueueFile))
		if err != nil {
			return ""
		}
		q, err := layout.ParseQueue(data)
		if err != nil || len(q.Jobs) != 1 {
			return ""
		}
		return q.Jobs[0].Reason
	}
	await := func(want string) {
		t.Helper()
		patient.Until(t, want, func() bool { return says() == want }, says)
	}
	s.start()
	await("after fit, which does not exist yet")
	s.put(layout.Queued, "fit", "script = until [ -e ../../gate ]; do sleep 0.02; done")
	await("after fit, which runs")
	if err := os.WriteFile(filepath.Join(string(s.tree), "gate"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	patient.Until(t, "both are done", func() bool { return s.where("fit") == "done" && s.where("report") == "done" })
	s.end()
}
