package snapshot

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"qm/pkg/jobinfo"
	"qm/pkg/layout"
)

// Sight is how much of the tree is seen. Its zero value sees what the system
// lets this process read.
type Sight struct {
	// Public sees only what everybody may read, by the permissions of `other`.
	// It is for root, who could read all and whose page would show it to all.
	// Only what lies within the folder that is given counts.
	Public bool
}

const (
	othersRead   fs.FileMode = 0o4
	othersSearch fs.FileMode = 0o1
)

// OpenJob is layout.OpenJob; fs.ErrPermission says that the folder is private.
func (v Sight) OpenJob(dir *os.Root, name string) (*os.Root, error) {
	job, err := layout.OpenJob(dir, name)
	if err != nil || !v.Public {
		return job, err
	}
	info, err := job.Stat(".")
	if err == nil && info.Mode()&(othersRead|othersSearch) != othersRead|othersSearch {
		err = private("open", name)
	}
	if err != nil {
		job.Close()
		return nil, err
	}
	return job, nil
}

// OpenFile is layout.OpenFile; fs.ErrPermission says that the file is private,
// or a folder on the way to it.
func (v Sight) OpenFile(dir *os.Root, name string) (*os.File, os.FileInfo, error) {
	if err := v.reach(dir, name); err != nil {
		return nil, nil, err
	}
	f, info, err := layout.OpenFile(dir, name)
	if err == nil && v.Public && info.Mode()&othersRead == 0 {
		f.Close()
		return nil, nil, private("open", name)
	}
	return f, info, err
}

// OpenFolder opens a folder to be listed, without waiting for anything else
// that lies there.
func (v Sight) OpenFolder(dir *os.Root, name string) (*os.File, os.FileInfo, error) {
	if err := v.reach(dir, name); err != nil {
		return nil, nil, err
	}
	f, err := dir.Open(path.Join(".", name) + "/.") // the dot refuses what is no folder
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && v.Public && info.Mode()&(othersRead|othersSearch) != othersRead|othersSearch {
		err = private("open", name)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// readFile is layout.ReadFile of what is seen.
func (v Sight) readFile(dir *os.Root, name string, limit int64) ([]byte, error) {
	if v.Public {
		f, _, err := v.OpenFile(dir, name)
		if err != nil {
			return nil, err
		}
		f.Close()
	}
	return layout.ReadFile(dir, name, limit)
}

// readInfo is jobinfo.Read of what is seen.
func (v Sight) readInfo(dir *os.Root, names []string) (jobinfo.Info, error) {
	if v.Public {
		for _, name := range names {
			f, _, err := v.OpenFile(dir, name)
			if err == nil {
				f.Close()
			} else if os.IsPermission(err) {
				return jobinfo.Info{File: name}, fmt.Errorf("read %s: %w", layout.Display(name), err)
			}
		}
	}
	return jobinfo.Read(dir, names)
}

// maxLinks is how many links on the way to a file are followed, as Linux does.
const maxLinks = 40

// reach tells whether everybody may search the folders on the way to a file.
// What can't be followed is left to be refused by who opens it.
func (v Sight) reach(dir *os.Root, name string) error {
	if !v.Public {
		return nil
	}
	at, rest, links := ".", name, 0
	for rest != "" {
		var elem string
		elem, rest, _ = strings.Cut(rest, "/")
		next := path.Join(at, elem)
		info, err := dir.Lstat(next)
		switch {
		case err != nil:
			return nil //nolint:nilerr // opening it gives the error again
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := dir.Readlink(next)
			if links++; err != nil || links > maxLinks {
				return private("open", name)
			}
			rest = strings.TrimPrefix(target+"/"+rest, "./")
			continue
		case info.IsDir() && info.Mode()&othersSearch == 0:
			return private("open", name)
		}
		at = next
	}
	return nil
}

func private(op, name string) error {
	return &fs.PathError{Op: op, Path: name, Err: fs.ErrPermission}
}
