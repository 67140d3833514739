package folder

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"qm/cmd/qmserver/internal/disk"
	"qm/pkg/jobinfo"

	"qm/pkg/layout"
)

// Verdict is what is to be thought of an info file.
type Verdict string

// The verdicts. Unreadable ones may be readable later.
const (
	Accepted   Verdict = ""
	Refused    Verdict = "refused"
	Missing    Verdict = "missing"
	Unreadable Verdict = "unreadable"
)

// Look is what one reading of a folder found.
type Look struct {
	Sum   uint64 `json:"sum"` // of all that a change would change
	Files int    `json:"files"`
	Bytes int64  `json:"bytes"`
	Busy  string `json:"busy,omitempty"` // a file that says that something still copies

	Info    jobinfo.Info `json:"info"`
	Verdict Verdict      `json:"verdict,omitempty"`
	Problem string       `json:"problem,omitempty"` // with Verdict, in words
	Loose   string       `json:"loose,omitempty"`   // what of folder and info file is not its owner's alone, and the remedy, with {} for the folder's name
	Failed  string       `json:"failed,omitempty"`  // why the folder itself could not be read; nothing else counts then
}

// LookAt reads the folder: lstat of everything in it, and its info file. It
// follows no link, opens no other file and leaves no file system.
func LookAt(r Ref, jobFiles []string) Look {
	var l Look
	err := l.read(r, jobFiles)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return Look{Failed: fmt.Sprintf("%v: chmod -R u+rwX it", err)}
	case err != nil:
		return Look{Failed: err.Error()}
	}
	return l
}

func (l *Look) read(r Ref, jobFiles []string) error {
	dir, err := Open(r)
	if err != nil {
		return err
	}
	defer dir.Close()
	top, err := dir.Stat(".")
	if err != nil {
		return err
	}
	l.add(".", top)
	err = l.walk(dir, ".", disk.DetailsOf(top).Dev, 0)
	if errors.Is(err, errDeep) {
		l.Verdict, l.Problem = Refused, err.Error()
		return nil
	}
	if err != nil {
		return err
	}
	l.Info, err = jobinfo.Read(dir, jobFiles)
	l.judge(err)
	l.Loose = loose(dir, top, l.Info.File)
	return nil
}

// loose tells what another than the folder's owner could change to what would
// be run: the folder, or the info file in it.
func loose(dir *os.Root, top fs.FileInfo, file string) string {
	if top.Mode().Perm()&0o022 != 0 {
		return "the folder may be written to by others: chmod -R go-w {}"
	}
	if file == "" {
		return ""
	}
	info, err := dir.Stat(file)
	switch {
	case err != nil:
		return err.Error()
	case disk.DetailsOf(info).UID != disk.DetailsOf(top).UID:
		return file + " belongs to another user than the folder: chown it to that one, or {} to the other"
	case info.Mode().Perm()&0o022 != 0:
		return file + " may be written to by others: chmod -R go-w {}"
	}
	return ""
}

// judge tells what the user wrote or left out from what may pass, such as an
// error of a network file system.
func (l *Look) judge(err error) {
	if err == nil {
		return
	}
	l.Problem = err.Error()
	_, refused := errors.AsType[jobinfo.Refusals](err)
	switch {
	case errors.Is(err, jobinfo.ErrNoInfoFile):
		l.Verdict = Missing
	case errors.Is(err, fs.ErrPermission):
		l.Verdict = Refused
		l.Problem = fmt.Sprintf("its info file may not be read by qmserver (%v): chmod it and drop the folder again", err)
	case refused:
		l.Verdict = Refused
	default:
		l.Verdict = Unreadable
	}
}

// maxDepth is how many folders may lie in each other: opening one costs a step
// for each above it.
const maxDepth = 100

var errDeep = fmt.Errorf("more than %d folders lie in each other: pack them into an archive", maxDepth)

// walk adds all that lies in the folder at rel, on the file system dev. What
// is removed meanwhile shows in the times of its folder.
func (l *Look) walk(dir *os.Root, rel string, dev uint64, depth int) error {
	if depth > maxDepth {
		return errDeep
	}
	folders, err := l.list(dir, rel, dev)
	for _, name := range folders {
		err = errors.Join(err, l.walk(dir, name, dev, depth+1))
		if err != nil {
			return err
		}
	}
	return err
}

// list adds the entries of one folder and returns those that are folders.
func (l *Look) list(dir *os.Root, rel string, dev uint64) (folders []string, err error) {
	f, err := dir.Open(rel)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for {
		entries, err := f.ReadDir(1000)
		for _, e := range entries {
			info, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, err
			}
			name := path.Join(rel, e.Name())
			l.add(name, info)
			if info.IsDir() && disk.DetailsOf(info).Dev == dev {
				folders = append(folders, name)
			}
		}
		if errors.Is(err, io.EOF) {
			return folders, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// add takes a file or folder into the sum, which does not depend on the order
// and is the same in each process.
func (l *Look) add(name string, info fs.FileInfo) {
	d := disk.DetailsOf(info)
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%s\x00%d %d %d %d %d %d", name, d.Inode, info.Mode(), info.Size(), info.ModTime().UnixNano(), d.Ctime, d.Blocks)
	l.Sum += h.Sum64()
	if info.Mode().IsRegular() {
		l.Files++
		l.Bytes += info.Size()
		if isBusySign(path.Base(name)) {
			l.Busy = name
		}
	}
}

// rsyncTemp is how rsync calls a file until it is complete: .NAME.XXXXXX, the
// last by mkstemp(3).
var rsyncTemp = layout.Pattern(`^\..+\.[A-Za-z0-9]{6}$`)

// isBusySign tells whether a file of this name is there only while something
// copies. Words in small letters alone (.bashrc.backup) are taken for a user's
// own: mkstemp makes one in 200 times, and the file's changes tell then.
func isBusySign(name string) bool {
	if strings.HasSuffix(name, ".part") {
		return true
	}
	return rsyncTemp().MatchString(name) && strings.ToLower(name[len(name)-6:]) != name[len(name)-6:]
}
