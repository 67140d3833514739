// Package service tells the service manager that started this process how it
// goes, as sd_notify(3) says: a datagram to the socket that it names in the
// environment.
package service

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"time"
)

// Manager is the service manager. The nil Manager is none, and all of its
// methods do nothing.
type Manager struct {
	conn net.Conn
	// Watchdog is how often it wants to hear Alive; 0: it does not ask for that.
	Watchdog time.Duration
}

// Open returns the service manager, or nil where none waits to be told. It has
// to be called before the process gives up to open connections.
func Open() (*Manager, error) {
	address := os.Getenv("NOTIFY_SOCKET")
	if address == "" {
		return nil, nil
	}
	conn, err := net.Dial("unixgram", address)
	if err != nil {
		return nil, fmt.Errorf("reach the service manager: %w", err)
	}
	m := &Manager{conn: conn}
	usec, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	pid := os.Getenv("WATCHDOG_PID")
	if err == nil && usec > 0 && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		m.Watchdog = time.Duration(usec) * time.Microsecond / 2
	}
	return m, nil
}

// Ready says that the service answers.
func (m *Manager) Ready() error { return m.tell("READY=1") }

// Alive says that it still does.
func (m *Manager) Alive() error { return m.tell("WATCHDOG=1") }

// Stopping says that it ends because it was told to.
func (m *Manager) Stopping() error { return m.tell("STOPPING=1") }

// tell does not wait for a manager that does not listen.
func (m *Manager) tell(message string) error {
	if m == nil {
		return nil
	}
	_ = m.conn.SetWriteDeadline(time.Now().Add(time.Second)) // no socket lacks one
	if _, err := m.conn.Write([]byte(message)); err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	return nil
}
