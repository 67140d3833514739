package mail

import (
	"cmp"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"qm/cmd/qmserver/internal/mailtest"
)

// TestTransport: what a server with TLS or a log-in is told, and what a person
// who tries it out is told where that fails.
func TestTransport(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("skipped: Windows reads no SSL_CERT_FILE, so that our certificate is not trusted")
	}
	stranger, err := mailtest.Certificate(filepath.Join(t.TempDir(), "other.pem"))
	if err != nil {
		t.Fatal(err)
	}
	login := func(o *Options) { o.User, o.Password = "qm", "secret" }
	for name, c := range map[string]struct {
		server *mailtest.Server
		opt    func(*Options)
		want   string // of what is said
		fails  bool
	}{
		"none":                    {want: "has accepted a mail to me@example.org from QM <qm@example.org>"},
		"starttls":                {server: &mailtest.Server{TLS: certificate, StartTLS: true}, opt: func(o *Options) { o.TLS = StartTLS }, want: "accepted"},
		"starttls, log in":        {server: &mailtest.Server{TLS: certificate, StartTLS: true, User: "qm", Password: "secret"}, opt: func(o *Options) { o.TLS = StartTLS; login(o) }, want: "accepted"},
		"tls":                     {server: &mailtest.Server{TLS: certificate, Implicit: true}, opt: func(o *Options) { o.TLS = Implicit }, want: "accepted"},
		"tls, log in":             {server: &mailtest.Server{TLS: certificate, Implicit: true, User: "qm", Password: "secret"}, opt: func(o *Options) { o.TLS = Implicit; login(o) }, want: "accepted"},
		"log in on this machine":  {server: &mailtest.Server{User: "qm", Password: "secret"}, opt: login, want: "accepted"},
		"no starttls":             {opt: func(o *Options) { o.TLS = StartTLS }, want: "does not support STARTTLS", fails: true},
		"no tls":                  {opt: func(o *Options) { o.TLS = Implicit }, want: "it may want smtp_tls = starttls", fails: true},
		"untrusted":               {server: &mailtest.Server{TLS: stranger, Implicit: true}, opt: func(o *Options) { o.TLS = Implicit }, want: "TLS failed", fails: true},
		"untrusted, remedy":       {server: &mailtest.Server{TLS: stranger, StartTLS: true}, opt: func(o *Options) { o.TLS = StartTLS }, want: "SSL_CERT_FILE", fails: true},
		"another name":            {server: &mailtest.Server{TLS: certificate, Implicit: true}, opt: func(o *Options) { o.TLS = Implicit; o.Host = "localhost" }, want: "write smtp_host as in its certificate", fails: true},
		"wrong password":          {server: &mailtest.Server{User: "qm", Password: "other"}, opt: login, want: "see smtp_user and smtp_password_file", fails: true},
		"must log in":             {server: &mailtest.Server{User: "qm"}, want: "see smtp_user and smtp_password_file", fails: true},
		"refused":                 {server: &mailtest.Server{Answer: func(verb, _ string) string { return map[string]string{"RCPT": "550 no such user"}[verb] }}, want: `refuses: sending SMTP RCPT TO command: 550 "no such user"`, fails: true},
		"it hangs up at the mail": {server: &mailtest.Server{Answer: func(verb, _ string) string { return map[string]string{"MAIL": "hang up"}[verb] }}, want: "EOF", fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := started(t, cmp.Or(c.server, &mailtest.Server{}))
			opt := options(t, s)
			if c.opt != nil {
				c.opt(&opt)
			}
			said, err := Test(t.Context(), opt, "me@example.org")
			if err != nil {
				said = err.Error()
			}
			if (err != nil) != c.fails || !strings.Contains(said, c.want) {
				t.Errorf("%s, want %s", said, c.want)
			}
			if c.fails {
				return
			}
			m := s.Mails()
			if len(m) != 1 || m[0].Secret != (opt.TLS != None) || m[0].LoggedIn != (opt.User != "") {
				t.Errorf("%+v", m)
			}
		})
	}
}

func TestNobodyListens(t *testing.T) {
	s := started(t, &mailtest.Server{})
	s.Stop()
	_, err := Test(t.Context(), options(t, s), "me@example.org")
	if err == nil || !strings.Contains(err.Error(), "can't be reached: see smtp_host and smtp_port") {
		t.Error(err)
	}
}

func TestAServerAtAnAddressOfIPv6(t *testing.T) {
	if l, err := net.Listen("tcp", "[::1]:0"); err != nil {
		t.Skipf("skipped: there is no IPv6 here: %v", err)
	} else {
		l.Close()
	}
	s := started(t, &mailtest.Server{Host: "::1"})
	opt := options(t, s)
	opt.Host = "::1"
	if said, err := Test(t.Context(), opt, "me@example.org"); err != nil || !strings.Contains(said, "[::1]:"+s.Port()+" has accepted") {
		t.Errorf("%s, %v", said, err)
	}
}
