package spool

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"qm/pkg/layout"
)

// TestFAT: a tree on FAT is refused in words, before anything runs.
func TestFAT(t *testing.T) {
	known, err := os.ReadFile("/proc/filesystems")
	if err != nil || !strings.Contains(string(known), "\tvfat\n") || os.Getuid() != 0 {
		t.Skip("skipped without vfat in the kernel and root to mount it")
	}
	dir := t.TempDir()
	image := filepath.Join(dir, "image")
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 8<<20); err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(dir, "at")
	if err := os.Mkdir(at, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, line := range [][]string{{"mkfs.vfat", image}, {"mount", "-o", "loop", "-t", "vfat", image, at}} {
		if out, err := exec.Command(line[0], line[1:]...).CombinedOutput(); err != nil {
			t.Skipf("skipped where this can't be: %q: %v\n%s", line, err, out)
		}
	}
	t.Cleanup(func() { _ = exec.Command("umount", at).Run() })
	s := newServer(t)
	s.opt.Tree = layout.Tree(filepath.Join(at, "QM"))
	s.tree = s.opt.Tree
	if _, err := s.run(t.Context()); err == nil || !strings.Contains(err.Error(), "lies on FAT or exFAT") {
		t.Errorf("%v", err)
	}
}
