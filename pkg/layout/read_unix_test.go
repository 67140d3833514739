//go:build unix

package layout_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"qm/pkg/layout"
)

// What a job may leave where a file is expected must neither block nor be
// read. Nobody holds the FIFO's other end: a plain open would never return.
func TestStrangeFilesAreNotRead(t *testing.T) {
	root, dir := newRoot(t)
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	link(t, "fifo", filepath.Join(dir, "link"))
	listenIn(t, dir, "socket")

	for _, name := range []string{"fifo", "link", "socket"} {
		if data, err := layout.ReadFile(root, name, 100); !errors.Is(err, layout.ErrNotRegular) {
			t.Errorf("ReadFile(%s) = %q, %v, want ErrNotRegular", name, data, err)
		}
	}
	for _, name := range []string{"fifo", "link", "socket"} {
		if job, err := layout.OpenJob(root, name); !errors.Is(err, layout.ErrNotFolder) {
			t.Errorf("OpenJob(%s) = %v, %v, want ErrNotFolder", name, job, err)
		}
	}
}

// listenIn leaves a socket in the folder. It is made under a relative name:
// the path of a temporary folder can be too long for a socket's address.
func listenIn(t *testing.T, dir, name string) {
	t.Helper()
	t.Chdir(dir)
	listener, err := net.Listen("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
}

func TestDevicesAreNotRead(t *testing.T) {
	root, err := os.OpenRoot("/dev")
	if err != nil {
		t.Skipf("no /dev here: %v", err)
	}
	defer root.Close()
	for _, name := range []string{"null", "zero"} {
		if data, err := layout.ReadFile(root, name, 100); !errors.Is(err, layout.ErrNotRegular) {
			t.Errorf("ReadFile(%s) = %q, %v, want ErrNotRegular", name, data, err)
		}
	}
	_, dir := newRoot(t)
	link(t, "/dev/zero", filepath.Join(dir, "process.log"))
	job, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer job.Close()
	if data, err := layout.ReadFile(job, "process.log", 100); err == nil {
		t.Errorf("a link to /dev/zero was read: %d bytes", len(data))
	}
}
