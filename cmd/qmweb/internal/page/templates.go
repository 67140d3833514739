package page

import (
	"bytes"
	"embed"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"
)

//go:embed templates static
var files embed.FS

// templates are the pages by file name, each with base.html around it.
var templates = parseTemplates("status.html", "job.html", "folder.html", "stats.html", "error.html")

func parseTemplates(names ...string) map[string]*template.Template {
	base := template.Must(template.New("base.html").Funcs(template.FuncMap{"asset": asset}).ParseFS(files, "templates/base.html", "templates/parts.html"))
	pages := make(map[string]*template.Template)
	for _, name := range names {
		pages[name] = template.Must(template.Must(base.Clone()).ParseFS(files, "templates/"+name))
	}
	return pages
}

// frame is what each page has around its content.
type frame struct {
	Title   string
	Here    string // the page group that this one belongs to: jobs, stats, or none
	Icon    string // see icon; empty: nothing to tell
	Prefix  string // of all paths
	Refresh int    // seconds, for browsers without JavaScript; 0: the page does not change
	Pace    int    // seconds between two looks of the script
}

// pace is how many seconds the script lets pass between two looks: a change
// shows within them.
const pace = 2

func (s *site) frame(title string) frame {
	return frame{Title: title, Prefix: s.Prefix, Refresh: int(s.Refresh / time.Second), Pace: pace}
}

// render answers with a page. It writes nothing if the page can't be made.
func render(w http.ResponseWriter, r *http.Request, status int, name string, data any) error {
	b, err := pageBody(name, data)
	if err != nil {
		return err
	}
	b.send(w, r, status)
	return nil
}

func pageBody(name string, data any) (*body, error) {
	var buf bytes.Buffer
	if err := templates[name].ExecuteTemplate(&buf, "base.html", data); err != nil {
		return nil, err
	}
	return newBody("text/html; charset=utf-8", buf.Bytes()), nil
}

// staticTypes are fixed here: what the system makes of an extension varies.
var staticTypes = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
}

// statics are the style sheet and the script.
var statics = sync.OnceValue(func() map[string]*body {
	all := make(map[string]*body)
	entries, _ := fs.ReadDir(files, "static") // it is embedded
	for _, e := range entries {
		data, _ := fs.ReadFile(files, "static/"+e.Name())
		all[e.Name()] = newBody(staticTypes[path.Ext(e.Name())], data)
	}
	return all
})

// asset is the path of one of them, with what it holds in its name, so that a
// browser need not ask for it again.
func asset(name string) string { return "/static/" + name + "?v=" + statics()[name].tag }

func (s *site) static(w http.ResponseWriter, r *http.Request) error {
	b := statics()[chi.URLParam(r, "file")]
	if b == nil {
		return notFound("There is no such file here.")
	}
	if r.URL.RawQuery == "v="+b.tag {
		w.Header().Set("Cache-Control", "private, max-age=31536000, immutable")
	}
	b.send(w, r, http.StatusOK)
	return nil
}
