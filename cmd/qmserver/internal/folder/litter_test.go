package folder

import (
	"os"
	"testing"
)

// TestLitterIsNoChange: who looks at a folder with Finder or Explorer neither
// delays its start nor has it rolled back.
func TestLitterIsNoChange(t *testing.T) {
	dir, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	proof := func(add string) (uint64, uint64) {
		if err := dir.WriteFile(add, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		tree, err := ReadTree(dir)
		var l Look
		if err2 := l.readNames(dir); err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		return tree.Proof(), l.Names
	}
	before, names := proof("proc_config.cfg")
	for _, name := range []string{".DS_Store", "._proc_config.cfg", "Thumbs.db", "desktop.ini"} {
		if now, n := proof(name); now != before || n != names {
			t.Errorf("%s counts as a change", name)
		}
	}
	if now, n := proof("data"); now == before || n == names {
		t.Error("a file does not count as a change")
	}
}
