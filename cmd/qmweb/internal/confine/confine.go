// Package confine takes from the process what qmweb does not need, and tells
// what it could do to the tree otherwise. It tries nothing out: no byte is
// written.
package confine

import (
	"os"
	"path/filepath"

	"qm/pkg/layout"
)

// Root tells that the process may read and write whatever it likes.
func Root() bool { return isRoot() }

// Writable returns the folders of a tree that the permissions let the process
// write to. Where there is no tree that can be looked at nobody can tell: that is
// an error. It waits for the disk.
func Writable(tree string) ([]string, error) {
	if _, err := os.Stat(tree); err != nil {
		return nil, err
	}
	folders := []string{".", layout.Own}
	for _, st := range layout.States {
		folders = append(folders, st.Folder())
	}
	var writable []string
	for _, folder := range folders {
		if path := filepath.Join(tree, folder); mayWrite(path) {
			writable = append(writable, path)
		}
	}
	return writable, nil
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
