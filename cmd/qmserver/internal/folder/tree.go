package folder

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"qm/cmd/qmserver/internal/disk"
	"qm/pkg/layout"
)

// Tree is all that lies in a job's folder, at any depth: lstat of everything.
// The folder itself is not in it, since a move changes that, nor HOLD.
type Tree struct {
	Sum    uint64 `json:"sum"`    // of names, kinds, sizes and times: a change of anything changes it
	Blocks int64  `json:"blocks"` // in use; more of them are being filled where sizes stand from the beginning
	Files  int    `json:"files"`
	Bytes  int64  `json:"bytes"`
	Newest int64  `json:"newest"`         // when anything in it was last changed, in ns
	Busy   string `json:"busy,omitempty"` // a file that says by its name that something still copies
	Hold   bool   `json:"hold,omitempty"` // a file HOLD lies in the job's folder
	Open   string `json:"open,omitempty"` // a file that a process of this machine has open for writing
}

// Proof is what a complete tree is known by later. It is never 0.
func (t *Tree) Proof() uint64 { return t.Sum | 1 }

// maxDepth is how many folders may lie in each other: opening one costs a
// descriptor for each above it.
const maxDepth = 100

var errDeep = fmt.Errorf("more than %d folders lie in each other: pack them into an archive", maxDepth)

// ReadTree reads the tree of an open job folder. It does not leave its file
// system, follows no link and opens regular files alone.
func ReadTree(dir *os.Root) (Tree, error) {
	top, err := dir.Stat(".")
	if err != nil {
		return Tree{}, err
	}
	w := walk{dev: disk.DetailsIn(dir, ".", top).Dev, euid: os.Geteuid(), leases: disk.TellsEvents(dir.Name())}
	err = w.folder(dir, "", 0)
	return w.Tree, err
}

type walk struct {
	Tree
	dev    uint64
	euid   int
	leases bool // the file system is one of this machine
}

// folder adds what lies in the folder called rel. What is removed meanwhile
// shows in the next reading.
func (w *walk) folder(dir *os.Root, rel string, depth int) error {
	if depth > maxDepth {
		return errDeep
	}
	inner, err := w.entries(dir, rel)
	for _, name := range inner {
		if err != nil {
			return err
		}
		err = w.inner(dir, name, path.Join(rel, name), depth+1)
	}
	return err
}

func (w *walk) inner(dir *os.Root, name, rel string, depth int) error {
	sub, err := layout.OpenJob(dir, name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, layout.ErrNotFolder) {
		return nil
	}
	if err != nil {
		return err
	}
	defer sub.Close()
	return w.folder(sub, rel, depth)
}

// entries adds the entries of one folder and returns the names of those that
// are folders.
func (w *walk) entries(dir *os.Root, rel string) (inner []string, err error) {
	f, err := layout.OpenHere(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for {
		entries, err := f.ReadDir(1000)
		for _, e := range entries {
			if isLitter(e.Name()) {
				continue
			}
			if rel == "" && isHold(e) {
				w.Hold = true
				continue
			}
			info, err := dir.Lstat(e.Name())
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, err
			}
			d := disk.DetailsIn(dir, e.Name(), info)
			w.add(path.Join(rel, e.Name()), info, d)
			if d.Busy {
				w.Busy = path.Join(rel, e.Name())
			}
			if info.Mode().IsRegular() && w.mayLease(d) && isOpen(dir, e.Name()) {
				w.Open = path.Join(rel, e.Name())
			}
			if info.IsDir() && d.Dev == w.dev {
				inner = append(inner, e.Name())
			}
		}
		if errors.Is(err, io.EOF) {
			return inner, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// add takes a file or folder in. The sum does not depend on the order.
func (w *walk) add(name string, info fs.FileInfo, d disk.Details) {
	w.Sum += sumOf(name, d.Inode, uint64(info.Mode()), uint64(info.Size()), uint64(info.ModTime().UnixNano()), uint64(d.Ctime))
	w.Newest = max(w.Newest, d.Ctime)
	w.Blocks += d.Blocks
	if info.Mode().IsRegular() {
		w.Files++
		w.Bytes += info.Size()
		if isBusySign(path.Base(name)) {
			w.Busy = name
		}
	}
}

// mayLease tells whether it is worth to ask: one such file is enough, and of
// other users' files only root is told.
func (w *walk) mayLease(d disk.Details) bool {
	return w.leases && w.Open == "" && (w.euid == 0 || d.UID == w.euid)
}

func isOpen(dir *os.Root, name string) bool {
	f, err := dir.OpenFile(name, os.O_RDONLY|layout.NonBlock, 0)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return true // someone has a write lease on it: smbd, for a client that writes
	}
	if err != nil {
		return false
	}
	defer f.Close()
	info, err := f.Stat()
	return err == nil && info.Mode().IsRegular() && disk.OpenForWriting(f)
}

// rsyncTemp is how rsync calls a file until it is complete: .NAME.XXXXXX, the
// last by mkstemp(3).
var rsyncTemp = layout.Pattern(`^\..+\.[A-Za-z0-9]{6}$`)

// ordinary is how people call copies that they keep, such as .bashrc.backup.
var ordinary = layout.Pattern(`^[a-z]*[0-9]*$`)

// isBusySign tells whether a file of this name is there only while something
// copies. Words in small letters, and numbers, are taken for a user's own:
// mkstemp makes one in 100 times, and the file's changes tell then.
func isBusySign(name string) bool {
	if strings.HasSuffix(name, ".part") {
		return true
	}
	return rsyncTemp().MatchString(name) && !ordinary().MatchString(name[len(name)-6:])
}
