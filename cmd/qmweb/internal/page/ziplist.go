package page

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"

	"github.com/dustin/go-humanize"

	"qm/cmd/qmweb/internal/snapshot"
	"qm/pkg/layout"
)

// Bounds of an archive: a job may hold anything, such as a sparse file of
// terabytes.
const (
	maxZipFiles = 100_000
	maxZipBytes = 16 << 30
	maxZipDepth = 64
	maxZipLeft  = 1000 // entries of the list of what is left out
)

// zipFile is a file to pack: its path in the job's folder and what it was when
// it was found. A file that grows is cut there.
type zipFile struct {
	path string
	info fs.FileInfo
}

// zipList finds the files to pack before the first byte is sent, while it can
// still be said that they are too many.
type zipList struct {
	dir   *os.Root
	sight snapshot.Sight
	files []zipFile
	names map[string]bool // in the job's folder itself
	left  []string        // what is left out, and why
	more  int             // what left has no room for
	found int             // files, folders and whatever else
	bytes int64
}

// leave notes what is left out.
func (l *zipList) leave(name, why string) {
	if len(l.left) >= maxZipLeft {
		l.more++
		return
	}
	l.left = append(l.left, layout.Display(name)+": "+why)
}

func (l *zipList) add(folder string, depth int) error {
	d, _, err := l.sight.OpenFolder(l.dir, folder)
	if err != nil {
		return l.unlessTop(folder, err, depth)
	}
	defer d.Close()
	for {
		names, err := d.Readdirnames(1000)
		for _, name := range names {
			if err := l.addOne(path.Join(folder, name), depth); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return l.unlessTop(folder, err, depth)
		}
	}
}

// unlessTop notes the error of a folder inside that can't be read: the rest is
// worth having.
func (l *zipList) unlessTop(folder string, err error, depth int) error {
	if depth == 0 {
		return err
	}
	why := "it can't be read"
	if os.IsPermission(err) {
		why = "private"
	}
	l.leave(folder+"/", why)
	return nil
}

func (l *zipList) addOne(name string, depth int) error {
	if isOwn(name) {
		return nil
	}
	info, err := l.dir.Lstat(name)
	if err != nil {
		return nil //nolint:nilerr // it is gone meanwhile
	}
	if depth == 0 {
		if l.names == nil {
			l.names = make(map[string]bool)
		}
		l.names[name] = true
	}
	l.found++
	switch mode := info.Mode(); {
	case mode.IsRegular():
		l.files = append(l.files, zipFile{name, info})
		l.bytes += info.Size()
	case mode.IsDir() && depth >= maxZipDepth:
		l.leave(name+"/", "it lies too deep")
	case mode&fs.ModeSymlink != 0:
		l.leave(name, "a link")
	case !mode.IsDir():
		l.leave(name, "no file: a pipe, a socket or a device")
	}
	if l.found > maxZipFiles || l.bytes > maxZipBytes {
		return tooLarge(name, info)
	}
	if info.IsDir() && depth < maxZipDepth {
		return l.add(name, depth+1)
	}
	return nil
}

func tooLarge(name string, info fs.FileInfo) error {
	text := fmt.Sprintf("This folder has more than %s in it, or more than %s files.", humanize.IBytes(maxZipBytes), humanize.Comma(maxZipFiles))
	if info.Size() > maxZipBytes {
		text = fmt.Sprintf("In this folder %s alone has %s; archives end at %s.", layout.Display(name), humanize.IBytes(uint64(info.Size())), humanize.IBytes(maxZipBytes))
	}
	return &failure{http.StatusRequestEntityTooLarge, "Too large", text + " Copy it with the file manager, or take single files."}
}
