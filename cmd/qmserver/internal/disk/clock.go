package disk

import (
	"os"
	"path/filepath"
	"time"
)

// Clock reads the time of a file system, which its files' times are by: that
// of another machine may be an hour off, and our own stamps lag by a tick.
type Clock struct{ path string }

// NewClock returns the clock of the file system of dir, which is read by way of
// the file name in it; it is made if need be.
func NewClock(dir *os.Root, name string) (*Clock, error) {
	f, err := dir.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	return &Clock{filepath.Join(dir.Name(), filepath.FromSlash(name))}, f.Close()
}

// Now returns the time in ns since 1970.
func (c *Clock) Now() (int64, error) {
	now := time.Now()
	if err := os.Chtimes(c.path, now, now); err != nil {
		return 0, err
	}
	f, err := Lstat(c.path)
	return f.Ctime, err
}
