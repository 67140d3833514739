package main

import (
	"os"
	"path/filepath"
	"testing"

	"qm/pkg/layout"
)

// TestBackBeforeTheDiskKeptIt: a job that is dragged from done back to the queue
// while its move there is not yet on disk runs again, and a drain waits for it.
func TestBackBeforeTheDiskKeptIt(t *testing.T) {
	l := newTree(t)
	l.write("QMserv.cfg", "[QMServer]\nMaxNbProcessors = 2\nsettle_time = 0.05\n")
	l.write("answers", "")
	l.job(layout.Queued, "a", "a", "script = echo x >>runs; [ -e again ] && exit; touch again;\n"+
		"  until [ -e ../user/begun ]; do sleep 0.02; done; rm ../../../answers")
	l.job(layout.Queued, "user", "user", "script = touch begun; until [ -d ../../QM_dJobs/a ]; do sleep 0.02; done; mv ../../QM_dJobs/a ../../QM_qJobs;\n"+
		"  until grep -q 'disk is slow' ../../QueueManager.log; do sleep 0.02; done; touch ../../../answers")
	if err := l.drain("hang " + filepath.Join(l.dir, "answers") + " move: target synced"); err != nil {
		t.Fatalf("%v\n%s", err, l.stderr())
	}
	data, err := os.ReadFile(filepath.Join(l.tree.Job(layout.Done, "a"), "runs"))
	if err != nil || string(data) != "x\nx\n" {
		t.Errorf("%q, %v\n%s", data, err, l.stderr())
	}
}
