package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"
)

//go:embed templates static
var files embed.FS

// templates are the pages by file name, each with base.html around it.
var templates = parseTemplates("status.html", "job.html", "folder.html", "error.html")

func parseTemplates(names ...string) map[string]*template.Template {
	base := template.Must(template.ParseFS(files, "templates/base.html", "templates/parts.html"))
	pages := make(map[string]*template.Template)
	for _, name := range names {
		pages[name] = template.Must(template.Must(base.Clone()).ParseFS(files, "templates/"+name))
	}
	return pages
}

// frame is what each page has around its content.
type frame struct {
	Title   string
	Prefix  string // of all paths
	Refresh int    // seconds, for browsers without JavaScript; 0: the page does not change
}

func (s *site) frame(title string) frame {
	return frame{Title: title, Prefix: s.Prefix, Refresh: int(s.Refresh / time.Second)}
}

// render answers with a page. It writes nothing if the page can't be made.
func render(w http.ResponseWriter, status int, name string, data any) error {
	var buf bytes.Buffer
	if err := templates[name].ExecuteTemplate(&buf, "base.html", data); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(buf.Len()))
	w.WriteHeader(status)
	_, _ = w.Write(buf.Bytes()) // whoever asked may be gone
	return nil
}

// staticTypes are fixed here: what the system makes of an extension varies.
var staticTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// static serves the style sheet, the script and the icon.
func (s *site) static(w http.ResponseWriter, r *http.Request) error {
	name := chi.URLParam(r, "file")
	kind, known := staticTypes[path.Ext(name)]
	data, err := fs.ReadFile(files, "static/"+name)
	if err != nil || !known {
		return notFound("There is no such file here.")
	}
	sum := sha256.Sum256(data)
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:8])+`"`)
	w.Header().Set("Content-Type", kind)
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(data))
	return nil
}
