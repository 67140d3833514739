package layout_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"qm/pkg/layout"
)

// newRoot returns a root in an empty folder, and that folder's path.
func newRoot(t *testing.T) (*os.Root, string) {
	t.Helper()
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root, dir
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// link makes a symbolic link, or skips where the system has none for us.
func link(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
}

func TestOpenJob(t *testing.T) {
	root, dir := newRoot(t)
	if err := os.MkdirAll(filepath.Join(dir, "queue", "job"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "queue", "job", "data"), "inside")
	write(t, filepath.Join(dir, "queue", "file"), "")

	job, err := layout.OpenJob(root, "queue/job")
	if err != nil {
		t.Fatal(err)
	}
	defer job.Close()
	if data, err := layout.ReadFile(job, "data", 100); err != nil || string(data) != "inside" {
		t.Errorf("read data = %q, %v", data, err)
	}
	if _, err := job.Open("../file"); err == nil {
		t.Error("../file could be opened through the job's root")
	}
	if _, err := layout.OpenJob(root, "queue/file"); !errors.Is(err, layout.ErrNotFolder) {
		t.Errorf("OpenJob of a file: %v, want ErrNotFolder", err)
	}
	if _, err := layout.OpenJob(root, "queue/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("OpenJob of nothing: %v, want fs.ErrNotExist", err)
	}
}

func TestOpenJobFollowsNoLink(t *testing.T) {
	root, dir := newRoot(t)
	if err := os.Mkdir(filepath.Join(dir, "job"), 0o700); err != nil {
		t.Fatal(err)
	}
	link(t, "job", filepath.Join(dir, "beside"))
	link(t, t.TempDir(), filepath.Join(dir, "outside"))
	link(t, "nowhere", filepath.Join(dir, "dangling"))
	for _, name := range []string{"beside", "outside", "dangling"} {
		if job, err := layout.OpenJob(root, name); !errors.Is(err, layout.ErrNotFolder) {
			t.Errorf("OpenJob(%s) = %v, %v, want ErrNotFolder", name, job, err)
		}
	}
}

func TestReadFileLinks(t *testing.T) {
	root, dir := newRoot(t)
	write(t, filepath.Join(dir, "file"), "inside")
	outside := filepath.Join(t.TempDir(), "secret")
	write(t, outside, "secret")
	link(t, "file", filepath.Join(dir, "in"))
	link(t, outside, filepath.Join(dir, "out"))
	link(t, "../"+filepath.Base(filepath.Dir(outside))+"/secret", filepath.Join(dir, "up"))
	link(t, "loop", filepath.Join(dir, "loop"))

	if data, err := layout.ReadFile(root, "in", 100); err != nil || string(data) != "inside" {
		t.Errorf("a link that stays inside: %q, %v", data, err)
	}
	for _, name := range []string{"out", "up", "loop"} {
		if data, err := layout.ReadFile(root, name, 100); err == nil {
			t.Errorf("ReadFile(%s) = %q, want an error", name, data)
		}
	}
}

func TestReadFileLimit(t *testing.T) {
	root, dir := newRoot(t)
	write(t, filepath.Join(dir, "ten"), "0123456789")
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	big := filepath.Join(dir, "big")
	write(t, big, "")
	if err := os.Truncate(big, 5<<30); err != nil { // sparse: takes no room
		t.Skipf("no sparse files here: %v", err)
	}
	for _, c := range []struct {
		name  string
		limit int64
		want  error
	}{
		{"ten", 10, nil},
		{"ten", 9, layout.ErrTooLarge},
		{"big", 1 << 20, layout.ErrTooLarge},
		{"folder", 10, layout.ErrNotRegular},
		{"none", 10, fs.ErrNotExist},
	} {
		data, err := layout.ReadFile(root, c.name, c.limit)
		if !errors.Is(err, c.want) {
			t.Errorf("ReadFile(%s, %d): %v, want %v", c.name, c.limit, err, c.want)
		}
		if err == nil && string(data) != "0123456789" {
			t.Errorf("ReadFile(%s, %d) = %q", c.name, c.limit, data)
		}
	}
}

// The size that a file tells can be less than what is read from it: it may
// grow meanwhile. Linux's files in /proc tell 0 and stand for it here.
func TestReadFileLimitHoldsForGrowingFiles(t *testing.T) {
	root, err := os.OpenRoot("/proc/self")
	if err != nil {
		t.Skipf("no /proc here: %v", err)
	}
	defer root.Close()
	if data, err := layout.ReadFile(root, "status", 10); !errors.Is(err, layout.ErrTooLarge) {
		t.Errorf("ReadFile(status, 10) = %q, %v, want ErrTooLarge", data, err)
	}
	data, err := layout.ReadFile(root, "status", 1<<20)
	if err != nil || !strings.Contains(string(data), "Pid:") {
		t.Errorf("ReadFile(status) = %q, %v", data, err)
	}
}
