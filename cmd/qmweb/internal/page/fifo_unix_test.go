//go:build unix

package page

import (
	"path/filepath"
	"syscall"
	"testing"

	"qm/pkg/layout"
)

// What would block whoever opens it must not even be noticed.
func TestFIFOs(t *testing.T) {
	s := newSite(t)
	fifo := func(path string) {
		if err := syscall.Mkfifo(filepath.Join(s.tree, path), 0o666); err != nil {
			t.Skip("no FIFOs here:", err)
		}
	}
	for _, st := range layout.States {
		s.mkdir(st.Folder() + "/a/.qm")
		for _, name := range []string{"process.log", "proc_config.cfg", ".qm/run.json", "data"} {
			fifo(st.Folder() + "/a/" + name)
		}
		fifo(st.Folder() + "/notajob")
	}
	fifo(layout.HeartbeatFile)
	fifo(layout.QueueFile)
	s.get("/", 200)
	for _, st := range layout.States {
		job := st.Folder() + "/a"
		s.get("/"+job+"/", 200)
		s.get("/view/"+job+"/process.log", 404)
		s.get("/"+job+"/data/", 404)
		s.get("/download/"+job, 200)
		s.get("/api/v1/jobs/"+job, 200)
		s.get("/api/v1/jobs/"+job+"/log", 404)
		s.get("/"+st.Folder()+"/notajob/", 404)
	}
}
