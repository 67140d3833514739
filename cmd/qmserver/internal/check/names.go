package check

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"qm/pkg/layout"
)

// Folders that hold more, or lie deeper, are not looked at to their end.
const (
	maxNames = 20_000
	maxDepth = 20
	maxTold  = 3
)

// nameFaults tells which names in a folder, at any depth, other systems can't
// take.
func nameFaults(dir *os.Root) []string {
	n := names{left: maxNames}
	n.folder(dir, "", 0)
	return n.faults
}

type names struct {
	left   int
	faults []string
}

func (n *names) folder(dir *os.Root, at string, depth int) {
	f, err := layout.OpenHere(dir)
	if err != nil {
		return // told where it matters
	}
	entries, err := f.ReadDir(n.left)
	_ = f.Close()
	if err != nil && !errors.Is(err, io.EOF) {
		return
	}
	n.left -= len(entries)
	all := make([]string, 0, len(entries))
	for _, e := range entries {
		all = append(all, e.Name())
	}
	n.judge(at, all)
	for _, e := range entries {
		if n.left <= 0 || depth == maxDepth || !e.IsDir() {
			continue
		}
		if sub, err := layout.OpenJob(dir, e.Name()); err == nil {
			n.folder(sub, path.Join(at, e.Name()), depth+1)
			_ = sub.Close()
		}
	}
}

// judge takes the names of one folder.
func (n *names) judge(at string, all []string) {
	for _, pair := range alike(all) {
		if len(n.faults) < maxTold {
			n.faults = append(n.faults, fmt.Sprintf("%s and %s differ only in case: Windows and macOS take them for one",
				layout.Display(path.Join(at, pair[0])), layout.Display(pair[1])))
		}
	}
}

// alike returns the pairs of names that differ only in case.
func alike(all []string) [][2]string {
	slices.Sort(all)
	seen := make(map[string]string, len(all))
	var pairs [][2]string
	for _, name := range all {
		lower := strings.ToLower(name)
		if other, there := seen[lower]; there {
			pairs = append(pairs, [2]string{other, name})
			continue
		}
		seen[lower] = name
	}
	return pairs
}
