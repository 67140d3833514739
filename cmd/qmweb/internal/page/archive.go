package page

import (
	"archive/zip"
	"compress/flate"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strings"

	"qm/pkg/layout"
)

// maxZips bounds how many archives are made at once: each keeps a processor
// busy.
const maxZips = 4

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
// names, nothing of QM's own, and a list of what had to be left out.
func (s *site) sendZip(w http.ResponseWriter, r *http.Request, p place) error {
	select {
	case s.zips <- struct{}{}:
		defer func() { <-s.zips }()
	default:
		w.Header().Set("Retry-After", "30")
		return &failure{http.StatusServiceUnavailable, "Busy", "Several folders are being packed already. Try again in a moment."}
	}
	dir, err := within(s, func() (*os.Root, error) { return s.openJob(p) }, func(dir *os.Root) { dir.Close() })
	if err != nil {
		return err
	}
	defer dir.Close()
	list := zipList{dir: dir, sight: s.Store.Sight()}
	if err := list.add(".", 0); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", attachment(p.name+".zip"))
	if r.Method == http.MethodHead {
		return nil
	}
	if err := list.pack(w, p.name); err != nil {
		s.Log.Debug("zip broken off", "job", p.String(), "error", err)
		panic(http.ErrAbortHandler) // a part of a zip must not look like a whole one
	}
	return nil
}

// pack writes the archive; all in it lies in a folder of this name.
func (l *zipList) pack(w io.Writer, top string) error {
	z := zip.NewWriter(w)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestSpeed) })
	for _, file := range l.files {
		f, info, err := l.sight.OpenFile(l.dir, file.path)
		if err == nil && !os.SameFile(info, file.info) {
			f.Close()
			err = fs.ErrNotExist
		}
		if err != nil {
			l.leave(file.path, leftWhy(err))
			continue
		}
		err = l.packFile(z, path.Join(top, file.path), f, file)
		f.Close()
		if err != nil {
			return err
		}
	}
	if err := l.packLeft(z, top); err != nil {
		return err
	}
	return z.Close()
}

func leftWhy(err error) string {
	if os.IsPermission(err) {
		return "private"
	}
	return "gone since, or something else by now"
}

// packFile packs a file up to the size that it had when it was found. One that
// can't be read to that size is packed as far as it goes, and the list says so.
func (l *zipList) packFile(z *zip.Writer, name string, from io.Reader, file zipFile) error {
	h := &zip.FileHeader{Name: inZip(name), Method: zip.Deflate, Modified: file.info.ModTime()}
	h.SetMode(file.info.Mode().Perm())
	w, err := z.CreateHeader(h)
	if err != nil {
		return err
	}
	source := &readErrors{from: io.LimitReader(from, file.info.Size())}
	n, err := io.Copy(w, source)
	if source.err == nil && err != nil {
		return err // whoever asked is gone
	}
	if n < file.info.Size() {
		l.leave(file.path, fmt.Sprintf("only the first %d of %d bytes could be read", n, file.info.Size()))
	}
	return nil
}

// inZip is a name in an archive: what unpacks it on Windows takes a backslash
// for a separator, and ..\x for a way out.
func inZip(name string) string { return strings.ReplaceAll(name, `\`, "%5C") }

// readErrors tells the errors of reading from those of writing.
type readErrors struct {
	from io.Reader
	err  error
}

func (r *readErrors) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}

// packLeft packs the list of what was left out, if anything was.
func (l *zipList) packLeft(z *zip.Writer, top string) error {
	if len(l.left) == 0 && l.more == 0 {
		return nil
	}
	var text strings.Builder
	text.WriteString("What this archive lacks of the job's folder:\n")
	for _, line := range l.left {
		text.WriteString(line + "\n")
	}
	if l.more > 0 {
		fmt.Fprintf(&text, "and %d more\n", l.more)
	}
	w, err := z.CreateHeader(&zip.FileHeader{Name: inZip(path.Join(top, l.listName())), Method: zip.Deflate})
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, text.String())
	return err
}

// listName is a name for the list that no file of the job has.
func (l *zipList) listName() string {
	name := "left-out.txt"
	for i := 2; l.names[name]; i++ {
		name = fmt.Sprintf("left-out-%d.txt", i)
	}
	return name
}
