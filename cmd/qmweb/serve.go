package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"qm/cmd/qmweb/internal/access"
	"qm/cmd/qmweb/internal/config"
	"qm/cmd/qmweb/internal/confine"
	"qm/cmd/qmweb/internal/page"
	"qm/cmd/qmweb/internal/snapshot"
)

// stopPatience is how long requests that are being answered may still take
// after qmweb was told to stop.
const stopPatience = 3 * time.Second

// startPatience is how long the start waits for the tree.
const startPatience = 3 * time.Second

// errConfiguration says that something that the configuration names can't be
// used.
var errConfiguration = errors.New("the configuration is not accepted")

// serve answers requests until ctx is done. Once it listens it calls giveUp,
// after which the process may be able to do less.
func serve(ctx context.Context, c config.Config, log *slog.Logger, giveUp func(config.Config, *slog.Logger)) error {
	for _, w := range c.Warnings {
		log.Warn("configuration", "note", w)
	}
	server, store, err := newServer(c, log)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(c.Host, strconv.Itoa(c.Port)))
	if err != nil {
		return fmt.Errorf("listen: %w; The_Port and Host of [WEB_QMserver] say where", err)
	}
	manager := openManager(log)
	patiently(startPatience, func() { giveUp(c, log) })
	log.Info("listening", "url", urlOf(listener.Addr(), c), "tree", c.Tree, "version", buildVersion())
	go store.Get() // so that the first who asks waits less
	failed := make(chan error, 1)
	go func() { failed <- answer(server, listener) }()
	cannotTell(log, manager.Ready())
	go watched(ctx, manager, server.Handler, c, log)
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	log.Info("stopping")
	cannotTell(log, manager.Stopping())
	ending, cancel := context.WithTimeout(context.Background(), stopPatience)
	defer cancel()
	if err := server.Shutdown(ending); errors.Is(err, context.DeadlineExceeded) {
		return server.Close() // downloads are cut off, and show it
	} else if err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	return nil
}

// patiently waits for do to end, but not for longer than that: it may have to
// ask a disk that does not answer.
func patiently(most time.Duration, do func()) {
	done := make(chan struct{})
	go func() {
		do()
		close(done)
	}()
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

func answer(server *http.Server, listener net.Listener) error {
	if server.TLSConfig != nil {
		return server.ServeTLS(listener, "", "")
	}
	return server.Serve(listener)
}

// newServer bounds what a request may cost before it is understood. What an
// answer may take is page's to say, piece by piece.
func newServer(c config.Config, log *slog.Logger) (*http.Server, *snapshot.Store, error) {
	o := page.Options{
		Store: snapshot.NewStore(c.Tree, c.InfoNames), Log: log, Prefix: c.Prefix, AllowedHosts: c.AllowedHosts,
		Refresh: c.Refresh, Details: c.Details, LogRequests: c.Debug, Version: buildVersion(),
	}
	var err error
	if c.PasswordFile != "" {
		if o.Gate, err = access.Open(c.PasswordFile, c.User, log); err != nil {
			return nil, nil, fmt.Errorf("%w: %w", errConfiguration, err)
		}
	}
	logExposure(c, o.Gate, log)
	o.Store.See(snapshot.Sight{Public: confine.Root()})
	if confine.Root() {
		o.Warnings = append(o.Warnings, rootWarning)
	}
	server := &http.Server{
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ConnState:         newCrowd(maxConnections).state,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // what clients do wrong
	}
	if c.TLSCert != "" {
		cert, err := openCertificate(c.TLSCert, c.TLSKey, log)
		if err != nil {
			return nil, nil, fmt.Errorf("%w: %w", errConfiguration, err)
		}
		server.TLSConfig = cert.config()
	}
	server.Handler = page.New(o)
	return server, o.Store, nil
}

// urlOf is the address to type into a browser of this machine.
func urlOf(addr net.Addr, c config.Config) string {
	_, port, _ := net.SplitHostPort(addr.String()) // it comes from net itself
	host := c.Host
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		if host, _ = os.Hostname(); host == "" {
			host = "localhost"
		}
	}
	scheme := "http://"
	if c.TLSCert != "" {
		scheme = "https://"
	}
	return scheme + net.JoinHostPort(host, port) + c.Prefix + "/"
}

// buildVersion is what the Go tool noted of the source.
func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
