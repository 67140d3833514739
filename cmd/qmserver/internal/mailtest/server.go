// Package mailtest is an SMTP server for tests: it takes mail and keeps it, or
// does what a server should not do.
package mailtest

import (
	"bufio"
	"cmp"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// Mail is one that the server has taken.
type Mail struct {
	From, To string
	Data     string // header and body, with LF line ends
	Secret   bool   // it came over an encrypted connection
	LoggedIn bool
}

// Header returns the value of a header, unfolded, or "".
func (m Mail) Header(name string) string {
	head, _, _ := strings.Cut(m.Data, "\n\n")
	for line := range strings.SplitSeq(strings.ReplaceAll(head, "\n ", " "), "\n") {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.EqualFold(key, name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// Server is an SMTP server on loopback. Its fields are set before Start.
type Server struct {
	Host     string      // address to listen at; empty: 127.0.0.1
	TLS      *tls.Config // for Implicit and StartTLS
	Implicit bool        // encrypted from the first byte
	StartTLS bool
	User     string // who must log in, if not empty
	Password string
	Silent   bool                           // it accepts connections and says nothing
	UTF8     bool                           // it takes addresses of any characters
	Most     int                            // letters over one connection, if not 0; the next is answered 421
	Answer   func(verb, line string) string // instead of the usual answer, if not empty; "hang up" hangs up

	mu       sync.Mutex
	listener net.Listener
	address  string
	mails    []Mail
	conns    map[net.Conn]bool
	total    int
	most     int
}

// Start listens, at the address of before if there was one, until Stop or the
// end of the test.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.address
	if at == "" {
		at = net.JoinHostPort(cmp.Or(s.Host, "127.0.0.1"), "0")
	}
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	s.listener, s.address, s.conns = l, l.Addr().String(), make(map[net.Conn]bool)
	t.Cleanup(s.Stop)
	go s.accept(l)
}

// Stop ends the server and all connections.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.listener == nil {
		return
	}
	_ = s.listener.Close()
	s.listener = nil
	for c := range s.conns {
		_ = c.Close()
	}
}

// Port returns the port at which the server listens, or did.
func (s *Server) Port() string {
	_, port, _ := net.SplitHostPort(s.address)
	return port
}

// Mails returns what the server has taken.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.mails...)
}

// Connections returns how many there were, and the most at one time.
func (s *Server) Connections() (total, most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total, s.most
}

// Await waits until the server has taken n letters and returns them.
func (s *Server) Await(t testing.TB, n int) []Mail {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		mails := s.Mails()
		if len(mails) >= n {
			return mails
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d mails came, want %d: %+v", len(mails), n, mails)
		}
	}
}

func (s *Server) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.total++
		s.conns[c] = true
		s.most = max(s.most, len(s.conns))
		s.mu.Unlock()
		go func() {
			s.serve(c)
			_ = c.Close()
			s.mu.Lock()
			delete(s.conns, c)
			s.mu.Unlock()
		}()
	}
}

// session is one connection.
type session struct {
	*Server
	conn  net.Conn
	in    *bufio.Reader
	mail  Mail
	taken int
}

func (s *Server) serve(conn net.Conn) {
	c := &session{Server: s, conn: conn}
	if s.Silent {
		_, _ = io.Copy(io.Discard, conn)
		return
	}
	if s.Implicit {
		c.encrypt()
	}
	c.in = bufio.NewReader(c.conn)
	c.say("220 test server")
	for {
		line, err := c.in.ReadString('\n')
		if err != nil || !c.do(strings.TrimRight(line, "\r\n")) {
			return
		}
	}
}

func (c *session) encrypt() {
	c.conn = tls.Server(c.conn, c.TLS)
	c.in = bufio.NewReader(c.conn)
	c.mail.Secret = true
}

func (c *session) say(format string, args ...any) { fmt.Fprintf(c.conn, format+"\r\n", args...) }

// do obeys a command and tells whether the connection goes on.
func (c *session) do(line string) bool {
	verb, rest, _ := strings.Cut(line, " ")
	verb = strings.ToUpper(verb)
	if c.Answer != nil {
		switch answer := c.Answer(verb, line); answer {
		case "":
		case "hang up":
			return false
		default:
			c.say("%s", answer)
			return true
		}
	}
	switch verb {
	case "EHLO", "HELO":
		c.hello()
	case "STARTTLS":
		c.say("220 go on")
		c.encrypt()
	case "AUTH":
		c.logIn(rest)
	case "MAIL":
		return c.from(rest)
	case "RCPT":
		c.mail.To = path(rest)
		c.say("250 ok")
	case "DATA":
		return c.data()
	case "RSET", "NOOP":
		c.say("250 ok")
	case "QUIT":
		c.say("221 bye")
		return false
	default:
		c.say("500 what is %s", verb)
	}
	return true
}

func (c *session) hello() {
	c.say("250-test server")
	if c.StartTLS && !c.mail.Secret {
		c.say("250-STARTTLS")
	}
	if c.User != "" {
		c.say("250-AUTH PLAIN")
	}
	if c.UTF8 {
		c.say("250-SMTPUTF8")
	}
	c.say("250 8BITMIME")
}

func (c *session) logIn(rest string) {
	_, text, _ := strings.Cut(rest, " ")
	plain, _ := base64.StdEncoding.DecodeString(text)
	if string(plain) != "\x00"+c.User+"\x00"+c.Password {
		c.say("535 5.7.8 authentication failed")
		return
	}
	c.mail.LoggedIn = true
	c.say("235 welcome")
}

func (c *session) from(rest string) bool {
	switch {
	case c.Most > 0 && c.taken >= c.Most:
		c.say("421 enough for one connection")
		return false
	case c.User != "" && !c.mail.LoggedIn:
		c.say("530 5.7.0 log in first")
		return true
	}
	c.mail.From = path(rest)
	c.say("250 ok")
	return true
}

func (c *session) data() bool {
	c.say("354 go on")
	var b strings.Builder
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return false
		}
		line = strings.TrimRight(line, "\r\n")
		if line == "." {
			break
		}
		b.WriteString(strings.TrimPrefix(line, ".") + "\n")
	}
	if c.Answer != nil {
		if answer := c.Answer(".", ""); answer == "hang up" {
			return false
		} else if answer != "" {
			c.say("%s", answer)
			return true
		}
	}
	c.mail.Data = b.String()
	c.mu.Lock()
	c.mails = append(c.mails, c.mail)
	c.mu.Unlock()
	c.taken++
	c.say("250 ok: taken")
	return true
}

// path is what stands between the angle brackets of FROM:<...> and TO:<...>.
func path(rest string) string {
	_, rest, _ = strings.Cut(rest, "<")
	address, _, _ := strings.Cut(rest, ">")
	return address
}
