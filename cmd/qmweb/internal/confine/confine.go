// Package confine takes from the process what qmweb does not need, and tells
// what it could do to the tree otherwise. It tries nothing out: no byte is
// written.
package confine

import (
	"path/filepath"

	"qm/pkg/layout"
)

// Found is what Look finds.
type Found struct {
	Root     bool     // the process may read and write whatever it likes
	Writable []string // folders of the tree that the permissions let it write to
}

// Look asks for the permissions of a tree.
func Look(tree string) Found {
	found := Found{Root: isRoot()}
	folders := []string{".", layout.Own}
	for _, st := range layout.States {
		folders = append(folders, st.Folder())
	}
	for _, folder := range folders {
		path := filepath.Join(tree, folder)
		if mayWrite(path) {
			found.Writable = append(found.Writable, path)
		}
	}
	return found
}

// readable are the folders that have to be read: around the tree, since the
// tree itself may come later or come anew, and around the files.
func readable(tree string, files []string) []string {
	around := filepath.Dir(tree)
	if around == string(filepath.Separator) { // better less than all
		around = tree
	}
	folders := []string{around}
	for _, f := range files {
		folders = append(folders, filepath.Dir(f))
	}
	return folders
}
