package page

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"os"
)

// inert lets a browser do nothing with a file but show it.
const inert = "sandbox; default-src 'none'"

// view serves a file of a job. Only text is shown in the browser.
func (s *site) view(w http.ResponseWriter, r *http.Request) error {
	p, err := placeOf(r)
	if err != nil {
		return err
	}
	elems, err := pathOf(r)
	if err != nil {
		return err
	}
	if len(elems) == 0 {
		return s.redirect(w, r, "/"+p.String()+"/")
	}
	f, err := within(s, func() (*jobFile, error) { return s.openFile(p, elems) }, func(f *jobFile) { f.Close() })
	if err != nil {
		return err
	}
	defer f.Close()
	h := w.Header()
	h.Set("Content-Security-Policy", inert)
	if f.text {
		h.Set("Content-Type", "text/plain; charset=utf-8")
	} else {
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Content-Disposition", attachment(elems[len(elems)-1]))
	}
	http.ServeContent(w, r, "", f.info.ModTime(), f.File)
	return nil
}

// jobFile is an open file of a job.
type jobFile struct {
	*os.File
	info os.FileInfo
	text bool
}

func (s *site) openFile(p place, elems []string) (*jobFile, error) {
	dir, err := s.openJob(p)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	f, info, err := openInside(dir, elems, func(name string) (*os.File, os.FileInfo, error) { return s.Store.Sight().OpenFile(dir, name) })
	if err != nil {
		return nil, err
	}
	return &jobFile{f, info, isText(f)}, nil
}

// stream bounds how many files are sent at once: each may take very long.
func (s *site) stream(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		select {
		case s.streams <- struct{}{}:
			defer func() { <-s.streams }()
			return h(w, r)
		default:
			w.Header().Set("Retry-After", "5")
			return tooMany()
		}
	}
}

// isText tells whether a file's beginning looks like text: no NUL, and no
// other character that text doesn't have. The file may be in any encoding.
func isText(f *os.File) bool {
	head := make([]byte, 8<<10)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return false
	}
	return !bytes.ContainsFunc(head[:n], func(c rune) bool {
		const controlsOfText = "\a\b\t\n\v\f\r\x1b"
		return c < 0x20 && !bytes.ContainsRune([]byte(controlsOfText), c)
	})
}

// attachment is the Content-Disposition of a file to keep (RFC 6266).
func attachment(name string) string {
	if d := mime.FormatMediaType("attachment", map[string]string{"filename": name}); d != "" {
		return d
	}
	return "attachment"
}

// redirect leads to another path of ours, given percent-encoded.
func (s *site) redirect(w http.ResponseWriter, r *http.Request, path string) error {
	http.Redirect(w, r, s.Prefix+path, http.StatusFound)
	return nil
}
