package main

import (
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTheServiceManagerIsTold that qmweb answers, also when it has given up to
// open connections, and that it ends.
func TestTheServiceManagerIsTold(t *testing.T) {
	dir := t.TempDir()
	address := filepath.Join(dir, "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	config := filepath.Join(dir, "QMserv.cfg")
	if err := os.WriteFile(config, []byte("[QMServer]\nQM_FOLDER = QM\n[WEB_QMserver]\nThe_Port = 0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"QM", "QM/QM_qJobs"} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	web := exec.Command("/bin/sh", "-c", `export WATCHDOG_PID=$$ && exec "$0" -config "$1"`, buildWeb(t), config)
	web.Env = append(os.Environ(), "NOTIFY_SOCKET="+address, "WATCHDOG_USEC=100000")
	if err := web.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = web.Process.Kill(); _ = web.Wait() }) // it has ended
	hear := func() string {
		buf := make([]byte, 4096)
		_ = manager.SetReadDeadline(time.Now().Add(patience))
		n, err := manager.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:n])
	}
	for _, want := range []string{"READY=1", "WATCHDOG=1", "WATCHDOG=1"} {
		if got := hear(); got != want {
			t.Fatalf("%q, want %q", got, want)
		}
	}
	if err := web.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	for !strings.Contains(hear(), "STOPPING=1") {
	}
	if err := web.Wait(); err != nil {
		t.Error(err)
	}
}

// TestASiteThatHangsIsNotAlive: it is asked, and what does not answer is not
// told to be alive.
func TestASiteThatHangsIsNotAlive(t *testing.T) {
	c := testConfig(t)
	server, _, err := newServer(c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if !answers(t.Context(), server.Handler, c) {
		t.Error("it answers")
	}
	if answers(t.Context(), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), c) {
		t.Error("it does not answer")
	}
}
