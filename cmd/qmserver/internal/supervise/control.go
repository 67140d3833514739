package supervise

import (
	"os"
	"path/filepath"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/pkg/layout"
)

// stampLag is how much later than a change its stamp may be true.
const stampLag = 2 * time.Second

// control looks for STOP files in the job's folder.
type control struct {
	dir     *os.Root
	changed int64            // ctime of the folder at the last look, if that tells of all since
	ignored map[string]stamp // lay there before the start
}

// watchControl remembers the STOP files that lie there already: they asked an
// earlier run to stop.
func watchControl(dir *os.Root) *control {
	return &control{dir: dir, ignored: (&control{dir: dir}).present()}
}

// stopFile returns the name of a STOP file that came after the start, or "".
func (c *control) stopFile() string {
	info, err := c.dir.Stat(".")
	if err != nil {
		return ""
	}
	changed := disk.DetailsOf(info).Ctime
	if changed == c.changed {
		return ""
	}
	// Stamps lag by a tick, and on a share by its clock: what came in the same
	// instant shows only when that is past.
	c.changed = 0
	if time.Now().UnixNano()-changed > int64(stampLag) {
		c.changed = changed
	}
	for name, now := range c.present() {
		if before, lay := c.ignored[name]; !lay || before != now {
			return name
		}
	}
	return ""
}

// stamp tells a file from another that came to its place.
type stamp struct {
	inode uint64
	ctime int64
}

// present returns the STOP files that lie there now.
func (c *control) present() map[string]stamp {
	found := make(map[string]stamp)
	f, err := layout.OpenHere(c.dir)
	if err != nil {
		return found
	}
	defer f.Close()
	entries, _ := f.ReadDir(-1) // what could be read counts
	for _, e := range entries {
		if !layout.IsControl(e.Name(), layout.Stop) || !e.Type().IsRegular() {
			continue
		}
		if info, err := e.Info(); err == nil {
			d := disk.DetailsOf(info)
			found[e.Name()] = stamp{d.Inode, d.Ctime}
		}
	}
	return found
}

// isAt tells whether the folder id still lies at its place. When in doubt,
// such as on a file system that does not answer, it does.
func isAt(parent, name string, id disk.Identity) bool {
	now, err := disk.Lstat(filepath.Join(parent, name))
	if os.IsNotExist(err) {
		_, err := os.Lstat(parent)
		return err != nil // the whole tree is away, not this folder
	}
	return err != nil || now.Identity == id
}
