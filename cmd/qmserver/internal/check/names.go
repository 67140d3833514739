package check

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"qm/pkg/layout"
)

// Folders that hold more, or lie deeper, are not looked at to their end.
const (
	maxNames = 20_000
	maxDepth = 20
	maxTold  = 3 // of a kind
)

// nameFaults tells which names in a job's folder, at any depth, and of the job
// itself other systems can't take, or take for another.
func nameFaults(dir *os.Root, job string) []string {
	n := names{left: maxNames, job: job}
	n.windows(job, job)
	n.folder(dir, "", 0)
	var all []string
	for _, told := range n.told {
		all = append(all, told[:min(len(told), maxTold)]...)
		if more := len(told) - maxTold; more > 0 {
			all = append(all, fmt.Sprintf("%d more such names", more))
		}
	}
	return all
}

// The kinds of faults, as they are told one after another.
const (
	differInCase = iota
	differInAccents
	decomposed
	notOnWindows
	tooLong
	kinds
)

type names struct {
	job  string
	left int
	told [kinds][]string
}

func (n *names) say(kind int, format string, args ...any) {
	n.told[kind] = append(n.told[kind], fmt.Sprintf(format, args...))
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
	slices.Sort(all)
	seen := make(map[string]string, len(all))
	for _, name := range all {
		shown := layout.Display(path.Join(at, name))
		n.windows(name, shown)
		n.length(path.Join(at, name), shown)
		key := folded(name)
		other, there := seen[key]
		if !there {
			seen[key] = name
		}
		switch {
		case there && norm.NFC.String(other) == norm.NFC.String(name):
			n.say(differInAccents, "%s lies there twice, its accents written in two ways (NFC and NFD): macOS takes them for one", shown)
		case there:
			n.say(differInCase, "%s and %s differ only in case: Windows and macOS take them for one", layout.Display(path.Join(at, other)), layout.Display(name))
		case utf8.ValidString(name) && !norm.NFC.IsNormalString(name):
			n.say(decomposed, "%s has accents that are written apart (NFD), as macOS may do: who types the name elsewhere does not find it", shown)
		}
	}
}

// folded is the same for names that are one to Windows or macOS.
func folded(name string) string { return strings.ToLower(norm.NFC.String(name)) }

func (n *names) windows(name, shown string) {
	if fault := layout.WindowsFault(name); fault != "" {
		n.say(notOnWindows, "%s %s: Windows can't hold that name, and sees another one through a share", shown, fault)
	}
}

// Most programs of Windows take no path that is longer, with its end (MAX_PATH);
// the tree has to lie somewhere.
const (
	maxPath   = 260 - 1
	someTree  = `C:\QM\QM_lost+found\`
	shownPath = 60
)

func (n *names) length(rel, shown string) {
	units := len(someTree) + len(utf16.Encode([]rune(n.job+`\`+rel)))
	if units <= maxPath {
		return
	}
	if len(shown) > shownPath {
		shown = "..." + strings.ToValidUTF8(shown[len(shown)-shownPath:], "")
	}
	n.say(tooLong, "%s: its path has %d characters in a tree such as C:\\QM, and most programs of Windows take no more than %d", shown, units, maxPath)
}
