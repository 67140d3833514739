package spool

import (
	"io/fs"

	"qm/cmd/qmserver/internal/disk"
	"qm/pkg/layout"
)

// isPause tells whether an entry of the queue folder pauses the queue.
func isPause(name string, kind fs.FileMode) bool {
	return kind.IsRegular() && layout.IsControl(name, layout.Pause)
}

// mayPause: where users share the queue folder, only root and its owner pause
// it for all.
func (s *Spool) mayPause(file string) bool {
	if !s.Owners {
		return true
	}
	folder, err := disk.Lstat(s.Tree.Folder(layout.Queued))
	f, err2 := disk.Lstat(s.Tree.Job(layout.Queued, file))
	return err == nil && err2 == nil && (f.UID == 0 || f.UID == folder.UID)
}

func (s *Spool) setPaused() {
	paused := false
	for name := range s.pauses {
		paused = paused || s.mayPause(name)
	}
	if paused == s.paused {
		return
	}
	s.paused, s.dirty = paused, true
	if paused {
		s.log.Info("queue paused", "by", layout.Pause)
	} else {
		s.log.Info("queue resumed")
	}
}
