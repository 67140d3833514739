package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"qm/cmd/qmweb/internal/config"
)

// pair writes a certificate of its own making.
func pair(t *testing.T, serial int64) (cert, key string) {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	form := x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "qm.example.org"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	public, err := x509.CreateCertificate(rand.Reader, &form, &form, &secret.PublicKey, secret)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: public}, key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// The whole way: a line from -password, a certificate, a log-in over TLS 1.2
// and more, and nothing without.
func TestPasswordAndTLS(t *testing.T) {
	c := testConfig(t)
	c.TLSCert, c.TLSKey = pair(t, 1)
	c.PasswordFile = filepath.Join(t.TempDir(), "passwords")
	if err := os.WriteFile(c.PasswordFile, []byte(line(t, "ann", "an apple\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	address, ended := started(t, ctx, c)
	if !strings.HasPrefix(address, "https://") {
		t.Errorf("it listens at %s", address)
	}
	trusted := x509.NewCertPool()
	data, err := os.ReadFile(c.TLSCert)
	if err != nil || !trusted.AppendCertsFromPEM(data) {
		t.Fatal("no certificate:", err)
	}
	client := func(most uint16) *http.Client {
		return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted, MaxVersion: most}, ForceAttemptHTTP2: most == 0}}
	}
	get := func(client *http.Client, password string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("ann", password)
		defer client.CloseIdleConnections()
		answer, err := client.Do(r)
		if err != nil {
			return 0
		}
		answer.Body.Close()
		return answer.StatusCode
	}
	for _, c := range []struct {
		client   *http.Client
		password string
		want     int
	}{
		{client(0), "an apple", 200}, {client(0), "a pear", 401}, {client(tls.VersionTLS12), "an apple", 200}, {client(tls.VersionTLS11), "an apple", 0},
	} {
		if got := get(c.client, c.password); got != c.want {
			t.Errorf("%q: %d, want %d", c.password, got, c.want)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("it stopped with %v", err)
	}
}

// line is what -password prints for what comes through a pipe.
func line(t *testing.T, user, typed string) string {
	t.Helper()
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if _, err := out.WriteString(typed); err != nil {
		t.Fatal(err)
	}
	out.Close()
	var printed strings.Builder
	if err := printPassword(user, in, &printed, &printed); err != nil {
		t.Fatal(err)
	}
	if got := printed.String(); !strings.HasPrefix(got, user+":$2") || strings.Count(got, "\n") != 1 {
		t.Errorf("it prints %q", got)
	}
	return printed.String()
}

// What is named and can't be used is told at start; qmweb never runs without.
func TestUnusableProtection(t *testing.T) {
	cert, key := pair(t, 1)
	other, _ := pair(t, 2)
	for what, change := range map[string]func(*config.Config){
		"no password file": func(c *config.Config) { c.PasswordFile = filepath.Join(t.TempDir(), "none") },
		"no certificate":   func(c *config.Config) { c.TLSCert, c.TLSKey = filepath.Join(t.TempDir(), "none"), key },
		"another's key":    func(c *config.Config) { c.TLSCert, c.TLSKey = other, key },
		"no key":           func(c *config.Config) { c.TLSCert, c.TLSKey = cert, cert },
	} {
		c := testConfig(t)
		change(&c)
		if err := serve(t.Context(), c, slog.New(slog.DiscardHandler), unconfined); !errors.Is(err, errConfiguration) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestCertificateIsReadAgain(t *testing.T) {
	cert, key := pair(t, 1)
	c, err := openCertificate(cert, key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	serial := func() int64 {
		c.looked = time.Time{}
		got, err := c.get(nil)
		if err != nil {
			t.Fatal(err)
		}
		return got.Leaf.SerialNumber.Int64()
	}
	newCert, newKey := pair(t, 2)
	for _, move := range [][2]string{{newCert, cert}, {newKey, key}} { // between them they do not fit
		if got := serial(); got != 1 {
			t.Errorf("the certificate is %d", got)
		}
		if err := errors.Join(os.Chtimes(move[0], time.Time{}, time.Now().Add(time.Hour)), os.Rename(move[0], move[1])); err != nil {
			t.Fatal(err)
		}
	}
	if got := serial(); got != 2 {
		t.Errorf("after both are new it is %d", got)
	}
}
