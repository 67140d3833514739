//go:build unix

package page

import (
	"os"
	"path/filepath"
	"strings"
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

// The tree itself may be replaced, too.
func TestTreeIsFIFO(t *testing.T) {
	s := newSite(t)
	if err := os.Rename(s.tree, s.tree+".old"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(s.tree, 0o666); err != nil {
		t.Skip("no FIFOs here:", err)
	}
	s.wants(s.get("/", 200), "not a directory")
	s.get("/QM_dJobs/a/", 404)
	s.get("/jobs/a", 404)
}

// What may not be read is shown as private, with what is known from outside.
func TestPrivate(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may read everything")
	}
	s := newSite(t)
	path := filepath.Join(s.tree, s.job("QM_dJobs", "mine"))
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(path, 0o700) }) //nolint:gosec // to remove it
	s.wants(s.get("/", 200), "mine", "private")
	s.wants(s.get("/QM_dJobs/mine/", 200), "This folder is private")
	s.wants(s.get("/api/v1/jobs/QM_dJobs/mine", 200), `"id":"mine"`)
	s.get("/view/QM_dJobs/mine/process.log", 403)
	s.get("/api/v1/jobs/QM_dJobs/mine/log", 403)
	s.get("/download/mine", 403)
	info := filepath.Join(s.tree, s.job("QM_lost+found", "half"), "proc_config.cfg")
	if err := os.Chmod(info, 0); err != nil {
		t.Fatal(err)
	}
	page := s.get("/QM_lost+found/half/", 200)
	s.wants(page, "The info file is private", "first line")
	if strings.Contains(page, "denied") {
		t.Errorf("an error is shown:\n%s", page)
	}
}
