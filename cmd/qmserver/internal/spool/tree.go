package spool

import (
	"errors"
	"fmt"
	"os"

	"qm/cmd/qmserver/internal/disk"
	"qm/pkg/layout"
)

// makeFolders makes those that are missing. Where jobs run as the owners of
// their folders all users may put and take their own, and only those.
func (s *Spool) makeFolders() error {
	for _, state := range layout.States {
		err := s.root.Mkdir(state.Folder(), 0o777)
		if err == nil && s.Owners {
			err = s.root.Chmod(state.Folder(), 0o777|os.ModeSticky)
		}
		if err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("make folder of the tree: %w", err)
		}
	}
	return nil
}

// checkWriters: where jobs run as the owners of their folders, nobody may be
// able to move another's; else all who may write to the queue act as us.
func (s *Spool) checkWriters() error {
	var errs []error
	for _, dir := range append([]string{string(s.Tree)}, s.folders()...) {
		f, err := disk.Lstat(dir)
		if err != nil {
			return err
		}
		open := f.UID >= 0 && f.Mode.Perm()&0o022 != 0
		if s.Owners && open && f.Mode&os.ModeSticky == 0 {
			errs = append(errs, fmt.Errorf("%s may be written to by others, who could move each other's jobs: chmod +t %s", dir, dir))
		}
		if !s.Owners && open && dir == s.Tree.Folder(layout.Queued) {
			s.log.Warn("others may put jobs into the queue, and all jobs run as this server's user", "folder", dir, "uid", os.Getuid())
		}
	}
	return errors.Join(errs...)
}

func (s *Spool) folders() []string {
	var all []string
	for _, state := range layout.States {
		all = append(all, s.Tree.Folder(state))
	}
	return all
}

// oneFileSystem: a rename from one file system to another is a copy, which
// could be cut in the midst.
func oneFileSystem(tree layout.Tree) error {
	first, err := disk.Lstat(tree.Folder(layout.Queued))
	for _, state := range layout.States {
		f, err2 := disk.Lstat(tree.Folder(state))
		switch {
		case err2 != nil:
			err = errors.Join(err, err2)
		case !f.Mode.IsDir():
			err = errors.Join(err, fmt.Errorf("%s is not a folder: move it away", tree.Folder(state)))
		case f.Dev != first.Dev:
			err = errors.Join(err, fmt.Errorf("%s lies on another file system than %s: all folders of the tree must lie on one", tree.Folder(state), tree.Folder(layout.Queued)))
		}
	}
	return err
}

// fit refuses file systems on which a folder may be another after a restart, so
// that what had run would run again, and those whose locks keep supervisors out.
func fit(tree layout.Tree) error {
	switch queue := tree.Folder(layout.Queued); {
	case disk.IsFAT(queue):
		return fmt.Errorf("%s lies on FAT or exFAT, which keep neither folders apart nor times to less than 2 s: put it on ext4, XFS, APFS, NTFS or the like", tree)
	case disk.LocksKeepOut(queue):
		return fmt.Errorf("%s lies on a CIFS mount whose locks would keep jobs from telling how they go: add nobrl to its mount options, or run qmserver on the machine that has the disk", tree)
	}
	return nil
}
