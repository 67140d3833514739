package snapshot

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"qm/pkg/layout"
)

// What others may not read is private for one who could read all, by whatever
// way it is reached; this test holds for root and for the files' owner alike.
func TestPublicSight(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no such permissions here")
	}
	tree := newTree(t)
	open, closed := tree.job(layout.Done, "open"), tree.job(layout.Done, "closed")
	tree.write(open+"/process.log", "secret")
	tree.write(open+"/deep/sub/x", "secret")
	tree.write(open+"/seen/x", "")
	chmod := func(path string, mode fs.FileMode) {
		t.Helper()
		if err := os.Chmod(filepath.Join(tree.path, path), mode); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"seen/up": "../deep/sub/x", "link": "seen/up", "loop": "loop", "ok": "./seen/x"} {
		if err := os.Symlink(to, filepath.Join(tree.path, open, link)); err != nil {
			t.Skip("no links here:", err)
		}
	}
	chmod(open+"/deep", 0o740)
	chmod(open+"/process.log", 0o660)
	chmod(closed, 0o750)
	store := tree.store()
	store.See(Sight{Public: true})
	snap := store.Get()
	if j := snap.Find(layout.Done, "closed"); !j.Private || j.Script != "" {
		t.Errorf("closed: %+v", j)
	}
	if j := snap.Find(layout.Done, "open"); j.Private || j.Script == "" {
		t.Errorf("open: %+v", j)
	}
	if _, err := store.OpenJob(layout.Done, "closed"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("closed opens: %v", err)
	}
	dir, err := store.OpenJob(layout.Done, "open")
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	for name, seen := range map[string]bool{
		"proc_config.cfg": true, "seen/x": true, "ok": true,
		"process.log": false, "deep/sub/x": false, "seen/up": false, "link": false, "loop": false,
	} {
		f, _, err := store.Sight().OpenFile(dir, name)
		if err == nil {
			f.Close()
		}
		if seen != (err == nil) || !seen && !errors.Is(err, fs.ErrPermission) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, seen := range map[string]bool{".": true, "": true, "seen": true, "deep": false, "deep/sub": false} {
		f, _, err := store.Sight().OpenFolder(dir, name)
		if err == nil {
			f.Close()
		}
		if seen != (err == nil) {
			t.Errorf("folder %s: %v", name, err)
		}
	}
	if _, _, _, err := store.Sight().ReadLog(dir, layout.JobLog, 0, 10); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("its log: %v", err)
	}
	chmod(open+"/proc_config.cfg", 0o600)
	if d, err := store.Detail(dir, layout.Done, "open"); err != nil || !errors.Is(d.Refuse, fs.ErrPermission) || d.Script != "" {
		t.Errorf("its info file: %+v, %v", d, err)
	}
}

// In a folder that is private as a whole all jobs are.
func TestPublicSightOfFolder(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no such permissions here")
	}
	tree := newTree(t)
	tree.job(layout.Done, "a")
	if err := os.Chmod(filepath.Join(tree.path, layout.Done.Folder()), 0o750); err != nil {
		t.Fatal(err)
	}
	store := tree.store()
	store.See(Sight{Public: true})
	if j := store.Get().Find(layout.Done, "a"); j == nil || !j.Private || j.Unread || j.Script != "" {
		t.Errorf("got %+v", j)
	}
	if _, err := store.OpenJob(layout.Done, "a"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("it opens: %v", err)
	}
}
