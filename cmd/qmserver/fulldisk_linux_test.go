package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"qm/cmd/qmserver/internal/patient"
	"qm/pkg/layout"
)

// smallDisk is a server whose tree lies on a file system of its own, in a name
// space of its own.
type smallDisk struct {
	*crashTree
	server *exec.Cmd
	disk   string // path of the file system, seen from here
}

func newSmallDisk(t *testing.T, cfg string) *smallDisk {
	t.Helper()
	dir := t.TempDir()
	mount := filepath.Join(dir, "disk")
	if err := os.Mkdir(mount, 0o755); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("unshare", "-rm", "mount", "-t", "tmpfs", "none", mount).CombinedOutput(); err != nil {
		t.Skipf("no file system of our own can be mounted here: %s %v", out, err)
	}
	d := &smallDisk{crashTree: &crashTree{t: t, dir: dir, tree: layout.Tree(filepath.Join(mount, "QM"))}}
	d.write("QMserv.cfg", "[QMServer]\nQM_FOLDER = disk/QM\nMaxNbProcessors = 4\nsettle_time = 0.05\npoll_interval = 0.02\n"+cfg)
	d.server = exec.Command("unshare", "-rm", "sh", "-c", `mount -t tmpfs -o size=2m none disk && exec "$0" -config QMserv.cfg`, os.Args[0])
	d.server.Dir, d.server.Env = dir, append(os.Environ(), twinVar+"=run", d.mark())
	log, err := os.Create(filepath.Join(dir, "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	d.server.Stderr = log
	if err := d.server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = d.server.Process.Kill()
		_ = d.server.Wait()
		d.await("nothing is left", func() bool { return len(d.supervisors()) == 0 })
	})
	// What the name space sees: unshare is replaced by sh, and that by the server.
	d.disk = fmt.Sprintf("/proc/%d/root%s", d.server.Process.Pid, mount)
	d.tree = layout.Tree(filepath.Join(d.disk, "QM"))
	d.await("the server runs", func() bool {
		_, err := os.Stat(d.tree.Path(layout.HeartbeatFile))
		return err == nil
	})
	return d
}

func (d *smallDisk) await(what string, cond func() bool) {
	d.t.Helper()
	patient.Until(d.t, what, cond, d.stderr)
}

// drop makes a job elsewhere on the disk and moves it into the queue.
func (d *smallDisk) drop(name, cfg string) {
	d.t.Helper()
	aside := filepath.Join(d.disk, name)
	if err := os.Mkdir(aside, 0o755); err != nil {
		d.t.Fatal(err)
	}
	for file, text := range map[string]string{"id": name, "proc_config.cfg": "[QMOptions]\n" + cfg + "\n", "wait": ""} {
		if err := os.WriteFile(filepath.Join(aside, file), []byte(text), 0o644); err != nil {
			d.t.Fatal(err)
		}
	}
	if err := os.Rename(aside, d.tree.Job(layout.Queued, name)); err != nil {
		d.t.Fatal(err)
	}
}

// fill leaves not a byte on the disk; the function that it returns makes room.
func (d *smallDisk) fill() (makeRoom func()) {
	d.t.Helper()
	path := filepath.Join(d.disk, "full")
	f, err := os.Create(path)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	for size := 64 << 10; size > 0; {
		if _, err := f.Write(bytes.Repeat([]byte{'x'}, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			d.t.Fatal(err)
		}
	}
	return func() {
		if err := os.Remove(path); err != nil {
			d.t.Error(err)
		}
	}
}

func (d *smallDisk) is(name string, state layout.State) func() bool {
	return func() bool {
		at := d.jobs()[name]
		return len(at) == 1 && at[0].state == state
	}
}

// TestADiskThatIsFullWhenAJobEnds: its end waits for room, and is not forgotten.
func TestADiskThatIsFullWhenAJobEnds(t *testing.T) {
	d := newSmallDisk(t, "")
	d.drop("a", "script = echo $$ >pid; while [ -e wait ]; do sleep 0.02; done; exit 7")
	pid := filepath.Join(d.tree.Job(layout.Running, "a"), "pid")
	d.await("it runs", func() bool { data, _ := os.ReadFile(pid); return len(data) > 0 })
	number, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	makeRoom := d.fill()
	if err := os.Remove(filepath.Join(d.tree.Job(layout.Running, "a"), "wait")); err != nil {
		t.Fatal(err)
	}
	d.await("it has ended", func() bool {
		_, err := os.Stat("/proc/" + strings.TrimSpace(string(number)))
		return err != nil
	})
	makeRoom()
	d.await("it is done", d.is("a", layout.Done))
	j := d.jobs()["a"][0]
	if j.record == nil || j.record.ExitCode == nil || *j.record.ExitCode != 7 || !strings.Contains(j.log, "with code 7\n") {
		t.Errorf("%+v", j)
	}
}

// TestADiskThatIsFullWhenAJobStarts: it waits with the reason, and runs once
// there is room.
func TestADiskThatIsFullWhenAJobStarts(t *testing.T) {
	d := newSmallDisk(t, "")
	if err := os.WriteFile(d.tree.Job(layout.Queued, "PAUSE"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		d.drop(fmt.Sprint("job", i), "script = echo x >>runs")
	}
	d.await("they are queued", func() bool { return strings.Count(d.stderr(), `msg="job queued"`) == 3 })
	makeRoom := d.fill()
	if err := os.Remove(d.tree.Job(layout.Queued, "PAUSE")); err != nil {
		t.Fatal(err)
	}
	d.await("the log tells", func() bool { return strings.Contains(d.stderr(), "no space left on device") })
	// One that moves between two looks is seen in neither folder.
	d.await("all are there", func() bool { return len(d.jobs()) == 3 })
	makeRoom()
	for i := range 3 {
		d.await("it is done", d.is(fmt.Sprint("job", i), layout.Done))
	}
	d.await("the log goes on", func() bool {
		data, err := os.ReadFile(d.tree.Path(layout.ServerLog))
		return err == nil && strings.Count(string(data), `msg="job finished"`) == 3
	})
	for id, at := range d.jobs() {
		if at[0].runs != "x\n" {
			t.Errorf("%s: %+v", id, at)
		}
	}
}

// TestMinFree: nothing new starts while less is free than the configuration
// asks for, told in words; it goes on by itself.
func TestMinFree(t *testing.T) {
	d := newSmallDisk(t, "min_free = 1M\n")
	ballast := filepath.Join(d.disk, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 1300<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	d.await("the log tells", func() bool { return strings.Contains(d.stderr(), "nothing starts") })
	d.drop("a", "script = true")
	d.await("the queue tells", func() bool {
		data, err := os.ReadFile(d.tree.Path(layout.QueueFile))
		return err == nil && strings.Contains(string(data), "the disk is nearly full: ")
	})
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	d.await("it is done", d.is("a", layout.Done))
}
