package page

import (
	"archive/zip"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"

	"github.com/dustin/go-humanize"

	"qm/pkg/layout"
)

// Bounds of an archive: a job may hold anything, such as a sparse file of
// terabytes, and each archive keeps a processor busy.
const (
	maxZips     = 4
	maxZipFiles = 100_000
	maxZipBytes = 16 << 30
	maxZipDepth = 64
)

// zipFile is a file to pack: its path in the job's folder and its size when it
// was found. A file that grows is cut there.
type zipFile struct {
	path string
	info fs.FileInfo
}

func (s *site) downloadDone(w http.ResponseWriter, r *http.Request) error {
	name, err := nameOf(r)
	if err != nil {
		return err
	}
	return s.sendZip(w, r, place{layout.Done, name})
}

func (s *site) download(w http.ResponseWriter, r *http.Request) error {
	p, err := placeOf(r)
	if err != nil {
		return err
	}
	return s.sendZip(w, r, p)
}

// sendZip streams a job's folder as a zip: its regular files under their own
// names, but no links and nothing of QM's own.
func (s *site) sendZip(w http.ResponseWriter, r *http.Request, p place) error {
	select {
	case s.zips <- struct{}{}:
		defer func() { <-s.zips }()
	default:
		w.Header().Set("Retry-After", "30")
		return &failure{http.StatusServiceUnavailable, "Busy", "Several folders are being packed already. Try again in a moment."}
	}
	dir, err := s.openJob(p)
	if err != nil {
		return err
	}
	defer dir.Close()
	list := zipList{dir: dir}
	if err := list.add(".", 0); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", attachment(p.name+".zip"))
	if r.Method == http.MethodHead {
		return nil
	}
	if err := writeZip(w, dir, p.name, list.files); err != nil {
		s.Log.Debug("zip broken off", "job", p.String(), "error", err)
		panic(http.ErrAbortHandler) // a part of a zip must not look like a whole one
	}
	return nil
}

// zipList finds the files to pack before the first byte is sent, while it can
// still be said that they are too many.
type zipList struct {
	dir   *os.Root
	files []zipFile
	found int // files, folders and whatever else
	bytes int64
}

func (l *zipList) add(folder string, depth int) error {
	d, err := l.dir.Open(folder + "/.")
	if err != nil {
		return l.unlessTop(err, depth)
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
			return l.unlessTop(err, depth)
		}
	}
}

// unlessTop drops the error of a folder inside that can't be read: the rest is
// worth having.
func (l *zipList) unlessTop(err error, depth int) error {
	if depth == 0 {
		return err
	}
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
	l.found++
	if info.Mode().IsRegular() {
		l.files = append(l.files, zipFile{name, info})
		l.bytes += info.Size()
	}
	if l.found > maxZipFiles || l.bytes > maxZipBytes {
		return &failure{http.StatusRequestEntityTooLarge, "Too large",
			fmt.Sprintf("This folder has more than %s in it, or more than %s files. Copy it with the file manager, or take single files.",
				humanize.IBytes(maxZipBytes), humanize.Comma(maxZipFiles))}
	}
	if info.IsDir() && depth < maxZipDepth {
		return l.add(name, depth+1)
	}
	return nil
}

func writeZip(w io.Writer, dir *os.Root, top string, list []zipFile) error {
	z := zip.NewWriter(w)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	for _, file := range list {
		f, info, err := layout.OpenFile(dir, file.path)
		if err != nil || !os.SameFile(info, file.info) {
			if err == nil {
				f.Close()
			}
			continue // gone, private, or something else by now
		}
		err = writeEntry(z, path.Join(top, file.path), f, file.info)
		f.Close()
		if err != nil {
			return err
		}
	}
	return z.Close()
}

func writeEntry(z *zip.Writer, name string, from io.Reader, info fs.FileInfo) error {
	h := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: info.ModTime()}
	h.SetMode(info.Mode().Perm())
	w, err := z.CreateHeader(h)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, io.LimitReader(from, info.Size()))
	return err
}
