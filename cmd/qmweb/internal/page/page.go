// Package page is what browsers and programs get from qmweb: the routes, the
// pages and the JSON beside them. Nothing in it writes to the tree, and nothing
// that lies in a job's folder is trusted: it is shown, never run.
package page

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"qm/cmd/qmweb/internal/access"
	"qm/cmd/qmweb/internal/snapshot"
)

// Options are what the pages depend on.
type Options struct {
	Store        *snapshot.Store
	Log          *slog.Logger
	Prefix       string        // of all paths, without a slash at its end
	AllowedHosts []string      // that a request may name
	Refresh      time.Duration // for browsers without JavaScript
	Details      bool          // show commands on the status page
	LogRequests  bool
	Gate         *access.Gate // who may look; nil: everyone
	Warnings     []string     // what whoever runs qmweb has to know, in sentences, to show on the status page
	Version      string       // of qmweb
}

// site serves the pages.
type site struct {
	Options
	zips    chan struct{} // one element for each archive being made
	streams chan struct{} // one for each file or archive being sent
	asking  chan struct{} // one for each request that asks the tree
	shelf   shelf
	figures figures
	metrics *metrics
}

// New returns the handler of all requests.
func New(o Options) http.Handler {
	s := &site{
		Options: o, metrics: newMetrics(o.Store, o.Version),
		zips: make(chan struct{}, maxZips), streams: make(chan struct{}, maxStreams), asking: make(chan struct{}, maxAsking),
	}
	return s.guard(s.routes())
}

// routes are all there are. A handler gets its parameters percent-encoded, as
// they stand in the request: nothing is decoded twice.
func (s *site) routes() *chi.Mux {
	r := chi.NewRouter()
	r.Use(routeEscaped)
	get := func(pattern string, h handler) {
		r.Get(s.Prefix+pattern, s.serve(h))
		r.Head(s.Prefix+pattern, s.serve(h))
	}
	get("/", s.status)
	get("/QM", s.status)
	get("/QM/", s.status)
	get("/{folder}", s.toSection)
	get("/{folder}/", s.toSection)
	get("/{folder}/{name}", s.toJob)
	get("/{folder}/{name}/*", s.patient(s.job))
	get("/jobs/{name}", s.patient(s.findJob))
	get("/view/{folder}/{name}/*", s.stream(s.view))
	get("/download/{name}", s.stream(s.downloadDone))
	get("/download/{folder}/{name}", s.stream(s.download))
	get("/static/{file}", s.static)
	get("/metrics", s.serveMetrics)
	get("/icon/{file}", s.icon)
	get("/stats", s.stats)
	get("/stats.csv", s.statsCSV)
	get("/healthz", s.healthz)
	get("/readyz", s.readyz)
	get("/api/v1/status", s.apiStatus)
	get("/api/v1/jobs", s.apiJobs)
	get("/api/v1/stats", s.apiStats)
	get("/api/v1/jobs/{folder}/{name}", s.patient(s.apiJob))
	get("/api/v1/jobs/{folder}/{name}/log", s.patient(s.apiLog))
	if s.Prefix != "" {
		r.Get(s.Prefix, s.serve(s.status))
		r.Head(s.Prefix, s.serve(s.status))
	}
	r.NotFound(s.serve(func(http.ResponseWriter, *http.Request) error {
		return notFound("There is no such page here.")
	}))
	return r
}

// Routes returns the patterns of all routes.
func Routes() []string {
	s := &site{Options: Options{Store: snapshot.NewStore("", nil)}}
	var patterns []string
	_ = chi.Walk(s.routes(), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if method == http.MethodGet {
			patterns = append(patterns, route)
		}
		return nil
	})
	return patterns
}

// routeEscaped lets chi route by the path as it was sent. By default it does so
// only where the escaping is unusual, and then leaves parameters escaped.
func routeEscaped(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		chi.RouteContext(r.Context()).RoutePath = r.URL.EscapedPath()
		next.ServeHTTP(w, r)
	})
}

func (s *site) healthz(w http.ResponseWriter, _ *http.Request) error {
	return writeText(w, http.StatusOK, "ok\n")
}

// readyz tells whether the page has something true to show: the tree can be
// read and the server's heartbeat is fresh.
func (s *site) readyz(w http.ResponseWriter, _ *http.Request) error {
	snap := s.Store.Get()
	switch {
	case snap.Problem != "":
		return writeText(w, http.StatusServiceUnavailable, snap.Problem+"\n")
	case isStale(snap, time.Now()):
		return writeText(w, http.StatusServiceUnavailable, "the tree does not answer\n")
	case !snap.Server.Alive:
		return writeText(w, http.StatusServiceUnavailable, "qmserver is not running\n")
	}
	return writeText(w, http.StatusOK, "ready\n")
}

func writeText(w http.ResponseWriter, status int, text string) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // whoever asked may be gone
	return nil
}
