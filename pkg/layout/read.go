package layout

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// What can lie where a folder or a file of a job was expected.
var (
	ErrNotFolder  = errors.New("not a folder")
	ErrNotRegular = errors.New("not a regular file")
	ErrTooLarge   = errors.New("too large")
)

// OpenJob opens the folder of a job, given relative to dir, as a root of its
// own: what is opened through it stays inside the job's folder, whatever links
// lie there. The last element of name itself must be a folder and no link to
// one (ErrNotFolder). It never blocks on what lies there instead.
func OpenJob(dir *os.Root, name string) (*os.Root, error) {
	before, err := dir.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !before.IsDir() {
		return nil, fmt.Errorf("open %s: %w", Display(name), ErrNotFolder)
	}
	// The dot makes os.Root open with O_DIRECTORY: without it, a FIFO that
	// took the folder's place since the Lstat would block for ever.
	job, err := dir.OpenRoot(name + "/.")
	if err != nil {
		return nil, err
	}
	after, err := job.Stat(".")
	if err == nil && !os.SameFile(before, after) {
		err = fmt.Errorf("open %s: %w", Display(name), ErrNotFolder)
	}
	if err != nil {
		return nil, errors.Join(err, job.Close())
	}
	return job, nil
}

// OpenHere opens dir itself, to list it or to ask about it. That it is told not
// to block keeps package os from finding out whether it can be polled.
func OpenHere(dir *os.Root) (*os.File, error) { return dir.OpenFile(".", os.O_RDONLY|NonBlock, 0) }

// OpenFile opens a file for reading that others may have put there. What is
// not a regular file, such as a link that leads out of dir or nowhere, is
// ErrNotRegular; it never blocks, whatever it is.
func OpenFile(dir *os.Root, name string) (*os.File, os.FileInfo, error) {
	// Asked before the open as well: opening a device can do something.
	if info, err := dir.Stat(name); err != nil {
		if link, err2 := dir.Lstat(name); err2 == nil && link.Mode()&fs.ModeSymlink != 0 {
			err = fmt.Errorf("open %s: %w: a link that leads to no file here", Display(name), ErrNotRegular)
		}
		return nil, nil, err
	} else if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("open %s: %w", Display(name), ErrNotRegular)
	}
	f, err := dir.OpenFile(name, os.O_RDONLY|NonBlock, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("open %s: %w", Display(name), ErrNotRegular)
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, info, nil
}

// ReadFile returns the content of a file as OpenFile opens it. More than limit
// bytes are ErrTooLarge.
func ReadFile(dir *os.Root, name string, limit int64) ([]byte, error) {
	f, info, err := OpenFile(dir, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info.Size() > limit {
		return nil, fmt.Errorf("read %s: %w: %d bytes, at most %d are read", Display(name), ErrTooLarge, info.Size(), limit)
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("read %s: %w: more than %d bytes", Display(name), ErrTooLarge, limit)
	}
	return data, nil
}
