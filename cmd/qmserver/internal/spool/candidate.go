package spool

import (
	"io/fs"
	"runtime"
	"strings"

	"qm/pkg/layout"
)

// hidden says that a name is none of ours and not worth a word.
const hidden = "hidden"

// foreign are what other systems keep everywhere.
var foreign = map[string]bool{
	"@eaDir": true, "#recycle": true, "System Volume Information": true, "lost+found": true,
	"Thumbs.db": true, "desktop.ini": true,
}

func isHidden(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "~") || foreign[layout.OwnName(name)]
}

// noCandidate tells why an entry of the queue is no job, in words for the
// page, or "".
func noCandidate(name string, kind fs.FileMode) string {
	switch {
	case isHidden(name):
		return hidden
	case unfinished(name):
		return "named like an unfinished copy: rename it to run it"
	case kind&fs.ModeSymlink != 0:
		return "a link is no job: drop the folder itself"
	case !kind.IsDir():
		return "a file is no job: drop a folder that holds it and an info file"
	case runtime.GOOS == "windows":
		return unusable(name)
	}
	return ""
}

// unusable tells of names that another system, or a program with special means,
// has given to a folder on a disk of Windows: no other program can work in it.
func unusable(name string) string {
	fault := layout.WindowsFault(name)
	if fault == "" {
		return ""
	}
	return "its name " + fault + ", so that no program of Windows can work in it: rename it where it was made"
}

// unfinished tells of names that programs give to what they are still copying.
func unfinished(name string) bool {
	for _, suffix := range [...]string{".part", ".partial", ".tmp", ".filepart", ".crdownload"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

// note keeps for the page what is to be said of something that is no job.
func (s *Spool) note(state layout.State, name, why string) {
	if why != hidden {
		s.places[place{state, name}] = why
		s.dirty = true
	}
}

func (s *Spool) forget(state layout.State, name string) {
	if _, there := s.places[place{state, name}]; there {
		delete(s.places, place{state, name})
		s.dirty = true
	}
}

func (s *Spool) forgetPlaces(state layout.State) {
	for p := range s.places {
		if p.state == state {
			delete(s.places, p)
		}
	}
}
