package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

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
	Mark  Mark   `json:"mark"`  // as it was when the reading began
	Names uint64 `json:"names"` // of the names in the folder itself, but for HOLD
	Held  bool   `json:"held"`  // a file HOLD lies in it

	Tree // only if all of it was asked for

	Owner   string       `json:"owner,omitempty"` // of the folder, where that has a name and no number (Windows)
	Info    jobinfo.Info `json:"info"`
	Verdict Verdict      `json:"verdict,omitempty"`
	Problem string       `json:"problem,omitempty"` // with Verdict, in words
	Loose   string       `json:"loose,omitempty"`   // what of folder and info file is not its owner's alone, and the remedy, with {} for the folder's name
	Failed  string       `json:"failed,omitempty"`  // why the folder itself could not be read; nothing else counts then
}

// LookAt reads a job's folder: the names in it and its info file, and if all is
// set the whole tree. It follows no link, opens no device, changes nothing and
// leaves no file system.
func LookAt(r Ref, jobFiles []string, all bool) Look {
	var l Look
	err := l.read(r, jobFiles, all)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return Look{Failed: fmt.Sprintf("%v: chmod -R u+rwX it", err)}
	case err != nil:
		return Look{Failed: err.Error()}
	}
	return l
}

func (l *Look) read(r Ref, jobFiles []string, all bool) error {
	dir, err := Open(r)
	if err != nil {
		return err
	}
	defer dir.Close()
	top, err := dir.Stat(".")
	if err != nil {
		return err
	}
	l.Owner = layout.FolderOwner(dir)
	l.Mark = markOf(dir, top, infoFile(dir, jobFiles))
	if all {
		l.Tree, err = ReadTree(dir)
	}
	if errors.Is(err, errDeep) {
		l.Verdict, l.Problem = Refused, err.Error()
		return nil
	}
	if err == nil {
		err = l.readNames(dir)
	}
	if err != nil {
		return err
	}
	l.Info, err = jobinfo.Read(dir, jobFiles)
	l.judge(err)
	l.Loose = loose(dir, top, l.Info.File)
	return nil
}

// readNames takes the names in the folder itself into a sum that does not
// depend on their order.
func (l *Look) readNames(dir *os.Root) error {
	f, err := layout.OpenHere(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	for _, e := range entries {
		if isLitter(e.Name()) {
			continue
		}
		if isHold(e) {
			l.Held = true
			continue
		}
		l.Names += sumOf(e.Name(), uint64(e.Type()))
	}
	return err
}

func isHold(e fs.DirEntry) bool {
	return layout.IsControl(e.Name(), layout.Hold) && e.Type().IsRegular()
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
