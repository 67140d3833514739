package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func mkdir(t *testing.T, path string) Identity {
	t.Helper()
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return f.Identity
}

func TestMove(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	id := mkdir(t, at("a"))
	taken := mkdir(t, at("empty")) // rename(2) would replace it

	if err := Move(id, at("a"), at("empty")); !errors.Is(err, ErrTaken) {
		t.Errorf("onto an empty folder: %v, want ErrTaken", err)
	}
	if now, err := Lstat(at("empty")); err != nil || now.Identity != taken {
		t.Errorf("the empty folder was replaced (%v)", err)
	}
	if err := Move(Identity{Inode: id.Inode, Birth: id.Birth + 1}, at("a"), at("b")); !errors.Is(err, ErrChanged) {
		t.Errorf("another folder of that inode number: %v, want ErrChanged", err)
	}
	if err := Move(id, at("none"), at("b")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is gone: %v, want fs.ErrNotExist", err)
	}
	if err := Move(id, at("a"), at("b")); err != nil {
		t.Fatal(err)
	}
	if now, err := Lstat(at("b")); err != nil || now.Identity != id {
		t.Errorf("after the move: %v, %v", now.Identity, err)
	}
}

func TestIdentityOfIsThatOfLstat(t *testing.T) {
	dir := t.TempDir()
	want, err := Lstat(dir)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, err := IdentityOf(f); err != nil || got != want.Identity {
		t.Errorf("IdentityOf %v, %v; Lstat %v", got, err, want.Identity)
	}
}

func TestReplace(t *testing.T) {
	for what, plant := range map[string]func(temp, outside string) error{
		"nothing there":           func(string, string) error { return nil },
		"a link at the temporary": func(temp, outside string) error { return os.Symlink(outside, temp) },
		"a file at the temporary": func(temp, _ string) error { return os.WriteFile(temp, []byte("old"), 0o600) },
		"a folder there, empty":   func(temp, _ string) error { return os.Mkdir(temp, 0o700) },
	} {
		t.Run(what, func(t *testing.T) {
			dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "outside")
			root, err := os.OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			if err := plant(filepath.Join(dir, "f.tmp"), outside); err != nil {
				t.Skip("can't be planted here:", err)
			}
			for _, text := range []string{"one", "two"} {
				if err := Replace(root, "f", []byte(text), 0o644, Durable); err != nil {
					t.Fatal(err)
				}
				if got, err := os.ReadFile(filepath.Join(dir, "f")); err != nil || string(got) != text {
					t.Errorf("reads %q, %v", got, err)
				}
			}
			if _, err := os.Lstat(outside); err == nil {
				t.Error("written outside of the folder")
			}
			if _, err := os.Lstat(filepath.Join(dir, "f.tmp")); err == nil {
				t.Error("the temporary file is left")
			}
		})
	}
}

// TestReplaceWhatLiesThere: whatever has the name is replaced, and not written into.
func TestReplaceWhatLiesThere(t *testing.T) {
	for what, plant := range map[string]func(name, outside string) error{
		"a file":                func(name, _ string) error { return os.WriteFile(name, []byte("old"), 0o600) },
		"a link to a file":      func(name, outside string) error { return os.Symlink(outside, name) },
		"a link to nothing":     func(name, outside string) error { return os.Symlink(outside+"none", name) },
		"a file with two names": func(name, outside string) error { return os.Link(outside, name) },
	} {
		t.Run(what, func(t *testing.T) {
			dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "outside")
			root, err := os.OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			name := filepath.Join(dir, "f")
			if err := os.WriteFile(outside, []byte("kept"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := plant(name, outside); err != nil {
				t.Skip("can't be planted here:", err)
			}
			if err := Replace(root, "f", []byte("new"), 0o644, Durable); err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(name); err != nil || string(got) != "new" {
				t.Errorf("reads %q, %v", got, err)
			}
			if info, err := os.Lstat(name); err != nil || !info.Mode().IsRegular() {
				t.Errorf("is %v, %v", info.Mode(), err)
			}
			if got, err := os.ReadFile(outside); err != nil || string(got) != "kept" {
				t.Errorf("outside of the folder is %q, %v", got, err)
			}
		})
	}
}

// TestRewrite: each content is there whole, whatever lies at the temporary
// name, and nothing else that has the file changes with it.
func TestRewrite(t *testing.T) {
	for what, plant := range map[string]func(temp, outside string) error{
		"nothing there":           func(string, string) error { return nil },
		"a link at the temporary": func(temp, outside string) error { return os.Symlink(outside, temp) },
		"a file at the temporary": func(temp, _ string) error { return os.WriteFile(temp, []byte("old"), 0o600) },
		"a file that a backup has": func(temp, outside string) error {
			return errors.Join(os.WriteFile(outside, []byte("kept"), 0o600), os.Link(outside, temp))
		},
		"a folder there, empty": func(temp, _ string) error { return os.Mkdir(temp, 0o700) },
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			outside := filepath.Join(dir, "outside")
			root, err := os.OpenRoot(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			if err := os.Mkdir(filepath.Join(dir, "in"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := plant(filepath.Join(dir, "in", "f.tmp"), outside); err != nil {
				t.Skip("can't be planted here:", err)
			}
			for _, text := range []string{"one", "a longer one", "", "three", "x"} {
				if err := Rewrite(root, "in/f", []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
				if got, err := os.ReadFile(filepath.Join(dir, "in", "f")); err != nil || string(got) != text {
					t.Errorf("reads %q, %v", got, err)
				}
				if info, err := os.Stat(filepath.Join(dir, "in", "f")); err != nil || info.Mode().Perm()&0o044 == 0 && runtime.GOOS != "windows" {
					t.Errorf("others can't read it: %v, %v", info.Mode(), err)
				}
			}
			if got, err := os.ReadFile(outside); err == nil && string(got) != "kept" {
				t.Errorf("outside of the folder is %q", got)
			}
		})
	}
}

func TestReplaceLeavesTheOldFileWhenItFails(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := os.MkdirAll(filepath.Join(dir, "f", "full"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Replace(root, "f", []byte("x"), 0o644, Volatile); err == nil {
		t.Error("a folder was replaced by a file")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.tmp")); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

func TestTryLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	open := func() *os.File {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	first, second := open(), open()
	if err := TryLock(first); err != nil {
		t.Fatal(err)
	}
	if err := TryLock(second); !errors.Is(err, ErrHeld) {
		t.Errorf("a second time: %v, want ErrHeld", err)
	}
	reading, err := os.Open(path) // a lock to ask with must need no more: NFS
	if err != nil {
		t.Fatal(err)
	}
	defer reading.Close()
	if err := TryAsk(reading); !errors.Is(err, ErrHeld) {
		t.Errorf("asked: %v, want ErrHeld", err)
	}
	first.Close()
	for _, f := range []*os.File{reading, second} {
		if err := errors.Join(TryAsk(f), Await(f)); err != nil {
			t.Errorf("asked once it is free: %v", err)
		}
	}
	reading.Close()
	second.Close()
	if err := TryLock(open()); err != nil {
		t.Errorf("once it is free: %v", err)
	}
}

func TestSetAside(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	next := func(n int) string { return "log." + string(rune('0'+n)) }
	for _, text := range []string{"first", "second"} {
		if err := root.WriteFile("log", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := SetAside(root, "log", next); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"log.1": "first", "log.2": "second"} {
		if got, err := root.ReadFile(name); err != nil || string(got) != want {
			t.Errorf("%s holds %q, %v", name, got, err)
		}
	}
}
