package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"qm/cmd/qmweb/internal/config"
)

// started serves until the test ends and returns the address that the log
// tells, and how serve returned.
func started(t *testing.T, ctx context.Context, c config.Config) (address string, ended <-chan error) {
	t.Helper()
	read, write := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := serve(ctx, c, slog.New(slog.NewTextHandler(write, nil)), unconfined)
		write.Close()
		done <- err
	}()
	lines := bufio.NewScanner(read)
	for lines.Scan() {
		if m := regexp.MustCompile(`msg=listening url=(\S+)`).FindStringSubmatch(lines.Text()); m != nil {
			go func() {
				_, _ = io.Copy(io.Discard, read)
			}()
			return m[1], done
		}
	}
	t.Fatalf("it did not listen: %v", <-done)
	return "", nil
}

// unconfined leaves the process of the tests what it may do.
func unconfined(config.Config, *slog.Logger) {}

func testConfig(t *testing.T) config.Config {
	t.Helper()
	c := config.Default()
	c.Tree, c.Port, c.Host = filepath.Join(t.TempDir(), "QM"), 0, "127.0.0.1"
	c.AllowedHosts = []string{"127.0.0.1"}
	c.Prefix = "/lab"
	return c
}

func TestServe(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	address, ended := started(t, ctx, testConfig(t))
	answer, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(answer.Body)
	answer.Body.Close()
	if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(body), "There is no folder") {
		t.Errorf("%s: %d, %v\n%s", address, answer.StatusCode, err, body)
	}
	http.DefaultClient.CloseIdleConnections()
	stop()
	if err := <-ended; err != nil {
		t.Errorf("it stopped with %v", err)
	}
	if answer, err := http.Get(address); err == nil {
		answer.Body.Close()
		t.Error("it answers after its end")
	}
}

// A taken port is an error that says where to mend it.
func TestPortTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := testConfig(t)
	c.Port = l.Addr().(*net.TCPAddr).Port
	if err := serve(t.Context(), c, slog.New(slog.DiscardHandler), unconfined); err == nil || !strings.Contains(err.Error(), "The_Port") {
		t.Errorf("got %v", err)
	}
}

// What a client sends wrongly is answered, and the next one is served.
func TestRawRequests(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	address, ended := started(t, ctx, testConfig(t))
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ request, status string }{
		{"GET /lab/healthz HTTP/1.1\r\nHost: " + u.Host + "\r\n\r\n", "200"},
		{"GET /lab/healthz HTTP/1.1\r\n\r\n", "400"},
		{"GET /lab/healthz HTTP/1.0\r\n\r\n", "421"},
		{"GET /lab/../../etc/passwd HTTP/1.1\r\nHost: " + u.Host + "\r\n\r\n", "404"},
		{"GET http://evil.example/lab/healthz HTTP/1.1\r\nHost: " + u.Host + "\r\n\r\n", "421"},
		{"GET /lab/\xff HTTP/1.1\r\nHost: " + u.Host + "\r\n\r\n", "404"},
		{"DELETE /lab/ HTTP/1.1\r\nHost: " + u.Host + "\r\n\r\n", "405"},
		{"CONNECT " + u.Host + " HTTP/1.1\r\nHost: " + u.Host + "\r\n\r\n", "405"},
		{"GET /lab/ HTTP/1.1\r\nHost: " + u.Host + "\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n", "431"},
	} {
		conn, err := net.Dial("tcp", u.Host)
		if err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = fmt.Fprint(conn, c.request) }()
		line, _ := bufio.NewReader(conn).ReadString('\n')
		conn.Close()
		if fields := strings.Fields(line); len(fields) < 2 || fields[1] != c.status {
			t.Errorf("%.60q: %q, want %s", c.request, line, c.status)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("it stopped with %v", err)
	}
}

func TestURL(t *testing.T) {
	addr := &net.TCPAddr{IP: net.IPv6loopback, Port: 81}
	if got := urlOf(addr, config.Config{Host: "::1", Prefix: "/qm"}); got != "http://[::1]:81/qm/" {
		t.Errorf("got %s", got)
	}
}
