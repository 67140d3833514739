package page

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"runtime/debug"
	"slices"
	"time"

	"github.com/go-chi/chi/v5"
)

// A network mount that is dead does not let go of who asks it. So nobody who
// waits for an answer asks it himself.
const (
	askPatience = 5 * time.Second
	maxAsking   = 100 // requests that ask the tree at once
	maxStreams  = 100 // files that are being sent at once
)

func silentTree() *failure {
	return &failure{http.StatusServiceUnavailable, "No answer",
		"The disk or the network share that holds the jobs does not answer. The list of jobs shows what was read last."}
}

func tooMany() *failure {
	return &failure{http.StatusServiceUnavailable, "Busy", "Too many ask at this moment. Try again in a few seconds."}
}

// within returns what ask returns, unless the tree takes too long: then the
// answer, should it come, is given to drop.
func within[T any](s *site, ask func() (T, error), drop func(T)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	var none T
	s.Store.Probe()
	if s.Store.Silent() {
		return none, silentTree()
	}
	select {
	case s.asking <- struct{}{}:
	default:
		return none, tooMany()
	}
	answers := make(chan answer) // whoever is too late finds nobody
	late := make(chan struct{})
	go func() {
		defer func() { <-s.asking }()
		var a answer
		func() {
			defer func() {
				if p := recover(); p != nil {
					a.err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
				}
			}()
			a.value, a.err = ask()
		}()
		select {
		case answers <- a:
		case <-late:
			if a.err == nil && drop != nil {
				drop(a.value)
			}
		}
	}()
	timer := time.NewTimer(askPatience)
	defer timer.Stop()
	select {
	case a := <-answers:
		return a.value, a.err
	case <-timer.C:
		close(late)
		return none, silentTree()
	}
}

// patient lets a handler whose answer is small ask the tree for as long as that
// has patience with it.
func (s *site) patient(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		own := r.WithContext(context.WithValue(r.Context(), chi.RouteCtxKey, routeOf(r)))
		held, err := within(s, func() (*heldAnswer, error) {
			held := &heldAnswer{header: w.Header().Clone(), status: http.StatusOK}
			return held, h(held, own)
		}, nil)
		if err != nil {
			return err
		}
		held.send(w)
		return nil
	}
}

// routeOf copies what chi found out of a request: it uses its own again.
func routeOf(r *http.Request) *chi.Context {
	route := chi.NewRouteContext()
	if c := chi.RouteContext(r.Context()); c != nil {
		route.RoutePath = c.RoutePath
		route.URLParams.Keys, route.URLParams.Values = slices.Clone(c.URLParams.Keys), slices.Clone(c.URLParams.Values)
	}
	return route
}

// heldAnswer is an answer that is not sent yet.
type heldAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (h *heldAnswer) Header() http.Header         { return h.header }
func (h *heldAnswer) WriteHeader(status int)      { h.status = status }
func (h *heldAnswer) Write(p []byte) (int, error) { return h.body.Write(p) }

func (h *heldAnswer) send(w http.ResponseWriter) {
	to := w.Header()
	clear(to)
	maps.Copy(to, h.header)
	w.WriteHeader(h.status)
	_, _ = w.Write(h.body.Bytes()) // whoever asked may be gone
}
