package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/pkg/layout"
)

// moveJob makes each arrow of the table: one rename that replaces nothing, of
// just this folder. A name that is taken in the target folder gets a stamp. The
// job has its new name afterwards; what the move was for happens in commit.
func (s *Spool) moveJob(j *job, from, to layout.State) error {
	name, now := j.name, time.Now()
	for try := 1; ; try++ {
		err := disk.Move(j.Identity, s.Tree.Job(from, j.name), s.Tree.Job(to, name))
		if errors.Is(err, disk.ErrTaken) {
			name = layout.StampedName(j.name, now, try)
			continue
		}
		if err == nil {
			j.name, j.move.back = name, ""
			s.commits.moves = append(s.commits.moves, moved{j, from, to})
		}
		return err
	}
}

// gone tells whether a move failed because the folder is not there any more:
// someone took it away, which is their right.
func gone(err error) bool {
	return errors.Is(err, disk.ErrChanged) || errors.Is(err, fs.ErrNotExist)
}

// whyNotMoved tells people why a folder stays where it is and what helps.
func whyNotMoved(from, to layout.State, err error) string {
	if disk.IsInUse(err) {
		return fmt.Sprintf("can't be moved to %s (%v): a program has the folder or a file in it open, such as Explorer, an editor or a virus scanner; it is tried again", to.Folder(), cause(err))
	}
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Sprintf("may not be moved to %s (%v): qmserver must be able to write to %s, to %s and to the folder itself, which belongs to who put it there: chmod -R ug+rwX it, or run qmserver as root",
			to.Folder(), cause(err), from.Folder(), to.Folder())
	}
	return fmt.Sprintf("can't be moved to %s (%v); it is tried again", to.Folder(), cause(err))
}

// cause is the innermost error, without paths.
func cause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
