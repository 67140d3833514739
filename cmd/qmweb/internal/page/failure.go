package page

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"qm/pkg/layout"
)

// handler answers a request, or returns why it can't; then it must not have
// written anything.
type handler func(http.ResponseWriter, *http.Request) error

// failure is an error as the reader gets to see it.
type failure struct {
	Status int
	Title  string
	Text   string
}

func (f *failure) Error() string { return f.Title + ": " + f.Text }

func notFound(text string) *failure {
	return &failure{http.StatusNotFound, "Not found", text}
}

func badRequest(text string) *failure {
	return &failure{http.StatusBadRequest, "Not understood", text}
}

func (s *site) serve(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			s.fail(w, r, err)
		}
	}
}

// errorPage is the data of error.html.
type errorPage struct {
	frame
	Code int
	Text string
}

// fail answers with an error: JSON below /api, else a page.
func (s *site) fail(w http.ResponseWriter, r *http.Request, err error) {
	f := asFailure(err)
	if f.Status == http.StatusInternalServerError {
		s.Log.Error("request failed", "path", r.URL.EscapedPath(), "error", err)
	}
	if strings.HasPrefix(r.URL.Path, s.Prefix+"/api/") {
		_ = writeJSON(w, f.Status, struct { // a string always encodes
			Error string `json:"error"`
		}{f.Text})
		return
	}
	page := errorPage{frame: s.frame(f.Title), Code: f.Status, Text: f.Text}
	page.Refresh = 0
	if err := render(w, r, f.Status, "error.html", &page); err != nil {
		s.Log.Error("render failed", "page", "error.html", "error", err)
		http.Error(w, f.Text, f.Status)
	}
}

// asFailure tells the reader what an error of the file system means. Which
// files there are and why one can't be opened is up to whoever owns the job,
// so nothing of it is a fault of ours.
func asFailure(err error) *failure {
	var f *failure
	var m *moved
	var path *fs.PathError
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &m):
		return notFound(m.Error())
	case errors.Is(err, fs.ErrNotExist):
		return notFound("It is not there, or not any more.")
	case errors.Is(err, fs.ErrPermission):
		return &failure{http.StatusForbidden, "Private", "Its owner does not let qmweb read this."}
	case errors.Is(err, layout.ErrNotRegular), errors.Is(err, layout.ErrNotFolder), errors.Is(err, layout.ErrTooLarge):
		return notFound("What lies there is not what was asked for: a link, a folder, a device or the like.")
	case errors.As(err, &path):
		return notFound("It can't be opened: it leads out of the job's folder, or the disk does not give it.")
	}
	return &failure{http.StatusInternalServerError, "A fault of qmweb", "The log of qmweb tells more."}
}

// writeJSON answers with v. It writes nothing if v can't be encoded.
func writeJSON(w http.ResponseWriter, status int, v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(data, '\n')) // whoever asked may be gone
	return nil
}
