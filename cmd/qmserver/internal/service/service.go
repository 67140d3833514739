// Package service tells the service manager that started this process how it
// goes, as sd_notify(3) says: a datagram to the socket that it names in the
// environment. It stays away from package net, which each supervisor would
// start with.
package service

import (
	"log/slog"
	"os"
	"strconv"
)

// Manager is the service manager. The nil Manager is none, and all of its
// methods do nothing. One goroutine uses it.
type Manager struct {
	send     func(message string) error
	log      *slog.Logger
	watchdog bool // it ends what falls silent
	ready    bool // it knows that we are
	status   string
	mute     bool // it could not be told the last time
}

// Open returns the service manager, or nil where none waits to be told. What
// names it is taken out of the environment: it is not for those whom this
// process starts.
func Open(log *slog.Logger) *Manager {
	address, usec, pid := take("NOTIFY_SOCKET"), take("WATCHDOG_USEC"), take("WATCHDOG_PID")
	if address == "" {
		return nil
	}
	m := &Manager{log: log, watchdog: usec != "" && (pid == "" || pid == strconv.Itoa(os.Getpid()))}
	send, err := dial(address)
	if err != nil {
		log.Warn("service manager can't be told how it goes", "error", err)
		return nil
	}
	m.send = send
	return m
}

// take removes a variable from the environment and returns its value.
func take(name string) string {
	value := os.Getenv(name)
	_ = os.Unsetenv(name) // fails for names that are none
	return value
}

// Alive says that the work goes on; the first time it says that the service is
// ready. The status, a line for people, is told when it is another.
func (m *Manager) Alive(status string) {
	if m == nil {
		return
	}
	message := ""
	if !m.ready {
		message += "READY=1\n"
	}
	if m.watchdog {
		message += "WATCHDOG=1\n"
	}
	if status != m.status {
		message += "STATUS=" + status + "\n"
	}
	if message != "" && m.tell(message) {
		m.ready, m.status = true, status
	}
}

// Stopping says that the service ends because it was told to.
func (m *Manager) Stopping() {
	if m != nil {
		m.tell("STOPPING=1\n")
	}
}

// tell never waits: a manager that does not listen is told the next time.
func (m *Manager) tell(message string) bool {
	err := m.send(message)
	if err != nil && !m.mute {
		m.log.Warn("service manager can't be told how it goes", "error", err)
	}
	m.mute = err != nil
	return err == nil
}
