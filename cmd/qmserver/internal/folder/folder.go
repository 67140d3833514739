// Package folder is what QM does inside of a job's folder: it looks at what
// lies there, reads the info file, and leaves a reason or a record. All that
// lies there is untrusted: links, FIFOs and devices are neither followed nor
// opened. Where jobs run as their owners, a process of the owner's does it.
package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"qm/cmd/qmserver/internal/disk"
	"qm/pkg/layout"
)

// ErrGone says that the folder is not where it was.
var ErrGone = errors.New("the folder was taken away")

// Ref is a job's folder: who it is and where it was seen.
type Ref struct {
	disk.Identity
	Parent string `json:"parent"` // absolute path of the folder that it lies in
	JobID  string `json:"job"`    // layout.ID of its name
}

// Name returns the folder's name.
func (r Ref) Name() (string, error) { return layout.NameOfID(r.JobID) }

// Open opens the folder as a root of its own. ErrGone if it is not there, or
// if another folder is.
func Open(r Ref) (*os.Root, error) {
	name, err := r.Name()
	if err != nil {
		return nil, err
	}
	parent, err := os.OpenRoot(r.Parent)
	if err != nil {
		return nil, err
	}
	defer parent.Close()
	dir, err := layout.OpenJob(parent, name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, layout.ErrNotFolder) {
		return nil, ErrGone
	}
	if err != nil {
		return nil, err
	}
	if err := check(dir, r.Identity); err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return dir, nil
}

func check(dir *os.Root, id disk.Identity) error {
	f, err := layout.OpenHere(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	now, err := disk.IdentityOf(f)
	if err != nil {
		return err
	}
	if now != id {
		return fmt.Errorf("%w: another lies there", ErrGone)
	}
	return nil
}

// ErrForeign says that the folder belongs to another user than this process.
var ErrForeign = errors.New("the folder belongs to another user now")

// CheckOwner returns ErrForeign if dir does not belong to this process's user.
func CheckOwner(dir *os.Root) error {
	info, err := dir.Stat(".")
	if err != nil {
		return err
	}
	if uid := disk.DetailsOf(info).UID; uid >= 0 && uid != os.Geteuid() {
		return ErrForeign
	}
	return nil
}

// Enter makes dir the working directory.
func Enter(dir *os.Root) error {
	f, err := layout.OpenHere(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Chdir()
}
