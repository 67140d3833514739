package main

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// lookAtCertificate is how often its files are looked at, whether they changed.
const lookAtCertificate = 10 * time.Second

// certificate is a pair of files, read again when they change.
type certificate struct {
	cert, key string
	log       *slog.Logger

	mu     sync.Mutex
	pair   *tls.Certificate
	stamp  [2]time.Time // when the files changed
	looked time.Time
}

// openCertificate reads the pair. The error tells what is wrong with it.
func openCertificate(cert, key string, log *slog.Logger) (*certificate, error) {
	c := &certificate{cert: cert, key: key, log: log, looked: time.Now()}
	c.stamp = c.stamps()
	return c, c.load()
}

func (c *certificate) load() error {
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return fmt.Errorf("read TLS_cert and TLS_key: %w", err)
	}
	c.pair = &pair
	return nil
}

func (c *certificate) stamps() (s [2]time.Time) {
	for i, path := range []string{c.cert, c.key} {
		if info, err := os.Stat(path); err == nil {
			s[i] = info.ModTime()
		}
	}
	return s
}

// get returns the pair for a connection. New files that do not fit each other
// yet are tried again.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.looked) < lookAtCertificate {
		return c.pair, nil
	}
	c.looked = time.Now()
	if now := c.stamps(); now != c.stamp {
		if err := c.load(); err != nil {
			c.log.Error("certificate can't be read again; the one of before holds", "error", err)
			return c.pair, nil
		}
		c.stamp = now
		c.log.Info("certificate read again")
	}
	return c.pair, nil
}

func (c *certificate) config() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
}
