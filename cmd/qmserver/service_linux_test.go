package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"qm/pkg/layout"
)

// systemd is what a service manager is to a service: a socket that is told.
type systemd struct {
	t    *testing.T
	conn *net.UnixConn
	told string
}

// newSystemd listens at a path, or at an abstract name.
func newSystemd(t *testing.T, abstract bool) (*systemd, string) {
	t.Helper()
	address := filepath.Join(t.TempDir(), "notify") // the path of a socket has to be short
	if abstract {
		address = "@" + address
	}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &systemd{t: t, conn: conn}, address
}

// await reads what it is told until that matches; all that came before is
// forgotten.
func (s *systemd) await(pattern string) {
	s.t.Helper()
	buf := make([]byte, 4096)
	_ = s.conn.SetReadDeadline(time.Now().Add(time.Minute))
	for {
		if at := regexp.MustCompile(pattern).FindStringIndex(s.told); at != nil {
			s.told = s.told[at[1]:]
			return
		}
		n, err := s.conn.Read(buf)
		if err != nil {
			s.t.Fatalf("waited for %q: %v; told: %q", pattern, err, s.told)
		}
		s.told += string(buf[:n])
	}
}

// serveAsService runs the server with what systemd sets.
func (c *crashTree) serveAsService(address string, env ...string) *exec.Cmd {
	c.t.Helper()
	server := exec.Command("/bin/sh", "-c", `export WATCHDOG_PID=$$ && exec "$0" -config QMserv.cfg`, os.Args[0])
	server.Dir = c.dir
	server.Env = append(os.Environ(), append(env, twinVar+"=run", c.mark(), "NOTIFY_SOCKET="+address, "INVOCATION_ID=1", "MAINPIDFDID=1")...)
	log, err := os.OpenFile(filepath.Join(c.dir, "stderr"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		c.t.Fatal(err)
	}
	defer log.Close()
	server.Stderr = log
	if err := server.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() }) // most have ended
	return server
}

// stopService ends a server as a service manager does.
func stopService(t *testing.T, server *exec.Cmd) {
	t.Helper()
	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := server.Wait(); err != nil {
		t.Error(err)
	}
}

func newServiceTree(t *testing.T) *crashTree {
	dir := t.TempDir()
	c := &crashTree{t: t, dir: dir, tree: layout.Tree(filepath.Join(dir, "QM"))}
	c.write("QMserv.cfg", "[QMServer]\nMaxNbProcessors = 2\nsettle_time = 0.05\npoll_interval = 0.02\n")
	return c
}

// TestTheServiceManagerIsTold when the server works, how it goes, that its
// scheduler is alive, and that it ends; and no job hears of it.
func TestTheServiceManagerIsTold(t *testing.T) {
	t.Parallel() // it waits for the watch dog's tick, again and again
	manager, address := newSystemd(t, false)
	c := newServiceTree(t)
	c.job(layout.Queued, "a", "a", "script = env >printed; tr '\\0' '\\n' </proc/$PPID/environ >supervisor; while [ ! -e go ]; do sleep 0.02; done")
	server := c.serveAsService(address, "WATCHDOG_USEC=120000000")
	manager.await(`READY=1\nWATCHDOG=1\nSTATUS=0 of 2 slots busy, \d waiting\n`)
	if _, err := os.Stat(c.tree.Path(layout.HeartbeatFile)); err != nil {
		t.Error(err)
	}
	manager.await(`WATCHDOG=1\nSTATUS=1 of 2 slots busy, 0 waiting\n`)
	manager.await(`^WATCHDOG=1\n$`)
	for _, file := range []string{"printed", "supervisor"} {
		data, err := os.ReadFile(filepath.Join(c.tree.Job(layout.Running, "a"), file))
		if err != nil || len(data) == 0 {
			t.Errorf("%s: %v", file, err)
		}
		if found := regexp.MustCompile(`NOTIFY_SOCKET|WATCHDOG_\w+`).FindString(string(data)); found != "" {
			t.Errorf("%s has %s", file, found)
		}
		if file == "printed" && regexp.MustCompile(`INVOCATION_ID|MAINPIDFDID`).Match(data) {
			t.Errorf("%s", data)
		}
	}
	c.write("QM/QM_qJobs/PAUSE", "")
	manager.await(`STATUS=1 of 2 slots busy, 0 waiting; nothing starts: the queue is paused`)
	stopService(t, server)
	manager.await(`STOPPING=1\n`)
	c.write("QM/QM_Jobs/a/go", "")
	c.waitFor("its job is over", func() bool { return len(c.supervisors()) == 0 })
}

// TestWithoutAWatchdog only changes are told, and a socket that is not there
// hurts nobody.
func TestWithoutAWatchdog(t *testing.T) {
	manager, address := newSystemd(t, true)
	c := newServiceTree(t)
	server := c.serveAsService(address)
	manager.await(`^READY=1\nSTATUS=0 of 2 slots busy, 0 waiting\n$`)
	stopService(t, server)
	manager.await(`^STOPPING=1\n$`)
	server = c.serveAsService(address + ".gone")
	c.waitFor("it works", func() bool { return strings.Contains(c.stderr(), "service manager can't be told how it goes") })
	end(server)
}

// TestTheWatchdogsSignalIsNoExitCode: neither what the watchdog sends nor a fault
// of the program ends it with code 2, which says that the configuration is wrong.
func TestTheWatchdogsSignalIsNoExitCode(t *testing.T) {
	manager, address := newSystemd(t, false)
	c := newServiceTree(t)
	server := c.serveAsService(address)
	manager.await(`READY=1`)
	if err := server.Process.Signal(syscall.SIGABRT); err != nil {
		t.Fatal(err)
	}
	_ = server.Wait() // it is killed
	if status, ok := server.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != syscall.SIGABRT {
		t.Errorf("%v", server.ProcessState)
	}
}
