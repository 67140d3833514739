package main

import (
	"net"
	"net/http"
	"sync"
	"time"
)

// maxConnections is how many there may be. A browser opens up to six.
const maxConnections = 1000

// crowd bounds the connections: when one comes that is too many, the one that
// has been silent for the longest has to go, so that who opens many and says
// nothing shuts out nobody.
type crowd struct {
	most int

	mu     sync.Mutex
	all    map[net.Conn]bool
	silent map[net.Conn]time.Time // those that ask nothing, and since when
}

func newCrowd(most int) *crowd {
	return &crowd{most: most, all: make(map[net.Conn]bool), silent: make(map[net.Conn]time.Time)}
}

// state is told of each connection's life, as http.Server.ConnState.
func (c *crowd) state(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateNew:
		if len(c.all) >= c.most {
			c.makeRoom(conn)
		}
		c.all[conn], c.silent[conn] = true, time.Now()
	case http.StateIdle:
		c.silent[conn] = time.Now()
	case http.StateActive:
		delete(c.silent, conn)
	case http.StateClosed, http.StateHijacked:
		delete(c.all, conn)
		delete(c.silent, conn)
	}
}

// makeRoom closes the connection that has been silent longest; if none is, the
// new one.
func (c *crowd) makeRoom(leave net.Conn) {
	var since time.Time
	for conn, at := range c.silent {
		if since.IsZero() || at.Before(since) {
			leave, since = conn, at
		}
	}
	delete(c.silent, leave)
	go leave.Close() // with TLS it may take a moment
}
