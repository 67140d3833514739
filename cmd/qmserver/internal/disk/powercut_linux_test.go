package disk

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"qm/cmd/qmserver/internal/probe"
)

// goDown is EXT4_IOC_SHUTDOWN, with which nothing more comes to the disk. Without
// its log (2) that is as a power cut.
const goDown = 0x8004587d

// powerCut is an ext4 of its own, in a file, whose power can be cut.
type powerCut struct {
	*testing.T
	image, at string
}

func newPowerCut(t *testing.T, options ...string) *powerCut {
	mkfs, err := exec.LookPath("mkfs.ext4")
	if err != nil || os.Getuid() != 0 {
		t.Skip("only root mounts a file system, and needs mkfs.ext4 for it")
	}
	p := &powerCut{t, filepath.Join(t.TempDir(), "image"), t.TempDir()}
	if err := os.WriteFile(p.image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(p.image, 64<<20); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(mkfs, append(options, "-q", p.image)...).CombinedOutput(); err != nil {
		t.Skipf("mkfs.ext4: %s", out)
	}
	p.mount()
	t.Cleanup(func() { _ = exec.Command("umount", p.at).Run() })
	return p
}

func (p *powerCut) mount() {
	p.Helper()
	if out, err := exec.Command("mount", "-o", "loop", p.image, p.at).CombinedOutput(); err != nil {
		p.Skipf("can't be mounted here: %s", out)
	}
}

// cut mounts again what had come to the disk.
func (p *powerCut) cut() {
	p.Helper()
	d, err := os.Open(p.at)
	if err != nil {
		p.Fatal(err)
	}
	err = unix.IoctlSetPointerInt(int(d.Fd()), goDown, 2)
	d.Close()
	if err != nil {
		p.Skip("its power can't be cut:", err)
	}
	if out, err := exec.Command("umount", p.at).CombinedOutput(); err != nil {
		p.Fatalf("umount: %s", out)
	}
	p.mount()
}

// TestReplaceAndPowerCut: after a power cut that is there which Replace had written,
// and where it falls into that, all of it or nothing.
func TestReplaceAndPowerCut(t *testing.T) {
	for what, options := range map[string][]string{
		"ext4":            nil,
		"fast_commit":     {"-O", "fast_commit"},
		"without journal": {"-O", "^has_journal"},
	} {
		t.Run(what, func(t *testing.T) {
			p := newPowerCut(t, options...)
			if !p.replace("a/f", "whole") {
				t.Fatal("did not come to its end")
			}
			p.cut()
			if got, err := os.ReadFile(filepath.Join(p.at, "a/f")); string(got) != "whole" {
				t.Errorf("what was written reads %q, %v", got, err)
			}
			defer probe.Listen(nil)
			probe.Listen(func(string) {
				if _, err := os.Lstat(filepath.Join(p.at, "b/f")); err == nil {
					p.syncAnother()
					panic("the power is cut")
				}
			})
			if p.replace("b/f", "whole") {
				t.Fatal("has its name at no step but the last")
			}
			p.cut()
			if got, err := os.ReadFile(filepath.Join(p.at, "b/f")); err == nil && string(got) != "whole" {
				t.Errorf("what was being written reads %q", got)
			}
		})
	}
}

func (p *powerCut) syncAnother() {
	p.Helper()
	f, err := os.Create(filepath.Join(p.at, "another"))
	if err == nil {
		defer f.Close()
		err = f.Sync()
	}
	if err != nil {
		p.Error(err)
	}
}

// replace writes a file into a folder that lies on the disk, and tells whether it came to the
// end of that.
func (p *powerCut) replace(name, text string) bool {
	p.Helper()
	defer func() { _ = recover() }()
	root, err := os.OpenRoot(p.at)
	if err == nil {
		defer root.Close()
		err = root.Mkdir(filepath.Dir(name), 0o755)
	}
	if err == nil {
		err = syncAll(root)
	}
	if err == nil {
		err = Replace(root, name, []byte(text), 0o644, Durable)
	}
	if err != nil {
		p.Error(err)
	}
	return true
}

func syncAll(root *os.Root) error {
	d, err := root.Open(".")
	if err != nil {
		return err
	}
	defer d.Close()
	return unix.Syncfs(int(d.Fd()))
}
