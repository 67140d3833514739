package main

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"qm/cmd/qmweb/internal/config"
	"qm/cmd/qmweb/internal/service"
)

// openManager returns the service manager that waits to be told how it goes, or
// nil.
func openManager(log *slog.Logger) *service.Manager {
	manager, err := service.Open()
	cannotTell(log, err)
	return manager
}

func cannotTell(log *slog.Logger, err error) {
	if err != nil {
		log.Warn("service manager can't be told how it goes", "error", err)
	}
}

// watched tells the service manager, until ctx is done, that requests are still
// answered, by answering one. One that hangs tells it nothing.
func watched(ctx context.Context, manager *service.Manager, site http.Handler, c config.Config, log *slog.Logger) {
	if manager == nil || manager.Watchdog == 0 {
		return
	}
	tick := time.NewTicker(manager.Watchdog)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if answers(ctx, site, c) {
			cannotTell(log, manager.Alive())
		}
	}
}

// answers tells whether the site answers a request, whatever it says: it may ask
// for a password.
func answers(ctx context.Context, site http.Handler, c config.Config) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodHead, c.Prefix+"/healthz", nil)
	if err != nil {
		return false
	}
	r.Host = c.AllowedHosts[0]
	w := &sink{header: make(http.Header)}
	site.ServeHTTP(w, r)
	return w.status != 0
}

// sink keeps the status of an answer and nothing else.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }
func (s *sink) WriteHeader(status int)      { s.status = status }
