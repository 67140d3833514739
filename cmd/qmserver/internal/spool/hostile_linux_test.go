package spool

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"qm/pkg/layout"
)

// plants are what a hostile user can put where QM expects something of its own.
var plants = map[string]func(path, outside string) error{
	"fifo":       func(path, _ string) error { return syscall.Mkfifo(path, 0o644) },
	"link out":   func(path, outside string) error { return os.Symlink(outside, path) },
	"link zero":  func(path, _ string) error { return os.Symlink("/dev/zero", path) },
	"link loop":  func(path, _ string) error { return os.Symlink(filepath.Base(path), path) },
	"link tty":   func(path, _ string) error { return os.Symlink("/dev/tty", path) },
	"folder":     func(path, _ string) error { return os.MkdirAll(filepath.Join(path, "full"), 0o755) },
	"unreadable": func(path, _ string) error { return os.WriteFile(path, []byte("x"), 0) },
	"5 GB": func(path, _ string) error {
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		defer f.Close()
		return f.Truncate(5 << 30)
	},
	"socket": func(path, _ string) error {
		return syscall.Mknod(path, syscall.S_IFSOCK|0o644, 0)
	},
}

// TestHostileFolders: whatever lies in place of a file of ours, the job is run
// or parked, a good one after it is run, and nothing outside is touched.
func TestHostileFolders(t *testing.T) {
	s := newServer(t)
	const secret = "[QMOptions]\nscript = echo the secret\n"
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, target := range []string{layout.JobLog, "process.1.log", "proc_config.cfg", layout.Own, layout.RecordFile, layout.RecordFile + ".tmp", "lock", "STOP", "HOLD"} {
		for kind, plant := range plants {
			name := kind + " as " + strings.ReplaceAll(target, "/", "-") + " of"
			s.put(layout.Queued, name, "script = cat proc_config.cfg")
			path := filepath.Join(s.tree.Job(layout.Queued, name), target)
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := plant(path, outside); err != nil {
				t.Fatal(name, err)
			}
			names = append(names, name)
		}
	}
	s.put(layout.Queued, "zz good", "script = true\npriority = -1")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s.drain()
	runtime.ReadMemStats(&after)
	if took := int64(after.HeapSys) - int64(before.HeapSys); took > 100<<20 {
		t.Errorf("took %d MB of memory", took>>20)
	}
	for _, name := range append(names, "zz good") {
		held := strings.HasSuffix(name, "as HOLD of") && (strings.HasPrefix(name, "5 GB") || strings.HasPrefix(name, "unreadable"))
		if got := s.where(name); got != "done" && got != "lost" && (!held || got != "queued") {
			t.Errorf("%s is in %q", name, got)
		}
	}
	if got := s.where("zz good"); got != "done" {
		t.Errorf("the good one is in %q", got)
	}
	if now, err := os.ReadFile(outside); err != nil || string(now) != secret {
		t.Errorf("what lay outside is now %q, %v", now, err)
	}
	logs, _ := filepath.Glob(filepath.Join(string(s.tree), "*", "*", layout.JobLog))
	for _, log := range logs {
		if info, err := os.Lstat(log); err != nil || !info.Mode().IsRegular() {
			continue
		}
		if text, _ := os.ReadFile(log); strings.Contains(string(text), "the secret") && !strings.Contains(log, "proc_config.cfg") {
			t.Errorf("%s tells the secret", log)
		}
	}
}

// TestFoldersInMotion are renamed, emptied and deleted at any instant; the
// server goes on, and what was left alone is run.
func TestFoldersInMotion(t *testing.T) {
	s := newServer(t).start()
	s.put(layout.Queued, "good", "script = true")
	for i := range 200 {
		name := "job" + string(rune('a'+i%20))
		s.put(layout.Queued, name, "script = sleep 0.01")
		from := s.tree.Job([...]layout.State{layout.Queued, layout.Running}[rand.IntN(2)], name)
		switch rand.IntN(5) {
		case 0:
			_ = os.RemoveAll(from)
		case 1:
			_ = os.Rename(from, s.tree.Job(layout.Running, name+"-moved"))
		case 2:
			_ = os.Rename(from, s.tree.Job(layout.Done, name))
		case 3:
			entries, _ := filepath.Glob(filepath.Join(from, "*"))
			for _, e := range entries {
				_ = os.RemoveAll(e)
			}
		}
	}
	s.await("the good one is done", func() bool { return s.where("good") == "done" })
	s.end()
	s.drain()
	if left, _ := filepath.Glob(s.tree.Job(layout.Running, "*")); len(left) > 0 {
		t.Errorf("in QM_Jobs are left %q", left)
	}
}
