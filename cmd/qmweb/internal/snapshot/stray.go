package snapshot

import (
	"io/fs"
	"strings"

	"qm/pkg/layout"
)

// maxStray is how much that is no job is told of in a folder.
const maxStray = 200

// note notes what is no folder.
func (f *folder) note(name string, mode fs.FileMode) {
	switch n := len(f.notes); {
	case n < maxStray:
		f.notes = append(f.notes, f.noJob(name, mode))
	case n == maxStray:
		f.notes = append(f.notes, layout.Note{Folder: f.state.Folder(), Text: "more lies here that is no job"})
	}
}

func (f *folder) noJob(name string, mode fs.FileMode) layout.Note {
	text := "this is a file, not a job: drop a folder that holds the info file and all that the job needs"
	if mode&fs.ModeSymlink != 0 {
		text = "this is a link, not a job: drop the folder itself"
	}
	return layout.Note{Folder: f.state.Folder(), ID: layout.ID(name), Text: text}
}

// notListed tells of names that are neither jobs nor worth a note: hidden
// ones, control files, what is still being uploaded, and the folders that
// other systems put everywhere.
func notListed(state layout.State, name string) bool {
	switch name {
	case "@eaDir", "#recycle", "System Volume Information", "desktop.ini", "Thumbs.db":
		return true
	}
	if strings.HasPrefix(name, ".") {
		return true
	}
	if state != layout.Queued {
		return false
	}
	if strings.HasPrefix(name, "~") || layout.IsControl(name, layout.Pause) {
		return true
	}
	lower := strings.ToLower(name)
	for _, ending := range []string{".part", ".partial", ".tmp", ".filepart", ".crdownload"} {
		if strings.HasSuffix(lower, ending) {
			return true
		}
	}
	return false
}
