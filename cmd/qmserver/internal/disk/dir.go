package disk

import "os"

// Dir is a folder that many looks begin at: none of them goes the way to it
// again. Its methods may be called concurrently.
type Dir struct{ f *os.File }

// OpenDir opens the folder at path.
func OpenDir(path string) (*Dir, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return &Dir{f}, nil
}

// Close closes the folder.
func (d *Dir) Close() error { return d.f.Close() }

// Lstat looks at what lies at the path rel in the folder, following no link at
// its end.
func (d *Dir) Lstat(rel string) (Facts, error) { return lstatIn(d.f, rel) }
