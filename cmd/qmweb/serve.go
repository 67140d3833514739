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

	"qm/cmd/qmweb/internal/config"
	"qm/cmd/qmweb/internal/page"
	"qm/cmd/qmweb/internal/snapshot"
)

// stopPatience is how long requests that are being answered may still take
// after qmweb was told to stop.
const stopPatience = 3 * time.Second

// serve answers requests until ctx is done.
func serve(ctx context.Context, c config.Config, log *slog.Logger) error {
	for _, w := range c.Warnings {
		log.Warn("configuration", "note", w)
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(c.Host, strconv.Itoa(c.Port)))
	if err != nil {
		return fmt.Errorf("listen: %w; The_Port and Host of [WEB_QMserver] say where", err)
	}
	log.Info("listening", "url", urlOf(listener.Addr(), c), "tree", c.Tree, "version", buildVersion())
	if c.Public() {
		log.Warn("open to others", "host", c.Host, "note", "everyone who reaches this address can read all jobs; there is no password")
	}
	server := newServer(c, log)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	log.Info("stopping")
	ending, cancel := context.WithTimeout(context.Background(), stopPatience)
	defer cancel()
	if err := server.Shutdown(ending); errors.Is(err, context.DeadlineExceeded) {
		return server.Close() // downloads are cut off, and show it
	} else if err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	return nil
}

// newServer bounds what a request may cost before it is understood. What an
// answer may take is page's to say, piece by piece.
func newServer(c config.Config, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: page.New(page.Options{
			Store: snapshot.NewStore(c.Tree, c.InfoNames), Log: log, Prefix: c.Prefix, AllowedHosts: c.AllowedHosts,
			Refresh: c.Refresh, Details: c.Details, LogRequests: c.Debug,
		}),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // what clients do wrong
	}
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
	return "http://" + net.JoinHostPort(host, port) + c.Prefix + "/"
}

// buildVersion is what the Go tool noted of the source.
func buildVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
