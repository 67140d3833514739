package page

import (
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"qm/cmd/qmweb/internal/access"
	"qm/pkg/layout"
)

// writePatience is how long one piece of an answer may take to be accepted by
// the other side. An answer as a whole may take as long as it goes on.
const writePatience = 30 * time.Second

// headers stand on every answer. Scripts and styles come from files of ours
// only, so nothing that a job wrote into a page can become one.
var headers = [][2]string{
	{"Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; " +
		"connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"},
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "DENY"},
	{"Referrer-Policy", "no-referrer"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"Cache-Control", "no-cache"},
}

// guard is what each request passes before it is routed.
func (s *site) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w := &answer{ResponseWriter: rw, control: http.NewResponseController(rw)}
		began := time.Now()
		defer s.end(w, r, began)
		for _, h := range headers {
			w.Header().Set(h[0], h[1])
		}
		if refused := s.refuse(w, r); refused != nil {
			s.fail(w, r, refused)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// refuse tells why a request is not looked at; nil: it is.
func (s *site) refuse(w http.ResponseWriter, r *http.Request) error {
	switch {
	case !s.knowsHost(r.Host):
		return &failure{Status: http.StatusMisdirectedRequest, Title: "Unknown host name",
			Text: "This request names a host that qmweb does not know. If it is the right one, add it to Allowed_hosts in the section [WEB_QMserver] of the configuration."}
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		return &failure{Status: http.StatusMethodNotAllowed, Title: "Read only",
			Text: "qmweb only shows: it answers GET and HEAD. Jobs are stopped, taken back and removed with the file manager."}
	}
	return s.refuseUser(w, r)
}

// refuseUser asks for user and password where there is a password file.
func (s *site) refuseUser(w http.ResponseWriter, r *http.Request) error {
	if s.Gate == nil {
		return nil
	}
	name, password, given := r.BasicAuth()
	answer := access.Refused
	if given {
		answer = s.Gate.Ask(name, password)
	}
	switch answer {
	case access.Granted:
		return nil
	case access.Busy:
		w.Header().Set("Retry-After", "5")
		return &failure{http.StatusServiceUnavailable, "Busy", "Many people log in at this moment. Try again in a few seconds."}
	case access.Refused:
	}
	if given {
		s.Log.Warn("log-in refused", "user", layout.Display(name), "from", r.RemoteAddr)
	}
	w.Header().Set("WWW-Authenticate", `Basic realm="QM", charset="UTF-8"`)
	return &failure{http.StatusUnauthorized, "Log in", "These pages ask for a user and a password. Whoever runs qmweb adds users to its Password_file."}
}

// end logs the request, and answers it if the handler panicked.
func (s *site) end(w *answer, r *http.Request, began time.Time) {
	p := recover()
	if p != nil && p != http.ErrAbortHandler { //nolint:errorlint // net/http compares it so, too
		s.Log.Error("request panicked", "path", r.URL.EscapedPath(), "panic", p, "stack", string(debug.Stack()))
		if w.status == 0 {
			s.fail(w, r, &failure{Status: http.StatusInternalServerError, Title: "A fault of qmweb", Text: "The log of qmweb tells more."})
			p = nil
		} else {
			p = http.ErrAbortHandler // half an answer must not look like a whole one
		}
	}
	s.metrics.count(w.status, w.bytes)
	if s.LogRequests {
		s.Log.LogAttrs(r.Context(), slog.LevelInfo, "request", slog.String("method", r.Method), slog.String("path", r.URL.EscapedPath()),
			slog.Int("status", w.status), slog.Int64("bytes", w.bytes), slog.Duration("took", time.Since(began)), slog.String("from", r.RemoteAddr))
	}
	if p != nil {
		panic(p)
	}
}

// knowsHost tells whether the Host header names one of AllowedHosts. Without
// this, any page in the user's browser could read ours by letting its own name
// point to this machine (DNS rebinding).
func (s *site) knowsHost(hostport string) bool {
	host, ok := hostOf(hostport)
	return ok && slices.ContainsFunc(s.AllowedHosts, func(allowed string) bool { return strings.EqualFold(allowed, host) })
}

// hostOf takes the port from a Host header. net.SplitHostPort is too lenient
// here: for it, 127.0.0.1:80.evil.example is a host and a port.
func hostOf(hostport string) (string, bool) {
	host, port := hostport, ""
	if i := strings.LastIndexByte(hostport, ':'); i >= 0 && !strings.HasSuffix(hostport, "]") {
		host, port = hostport[:i], hostport[i+1:]
		if port == "" || strings.Trim(port, "0123456789") != "" {
			return "", false
		}
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		return inner, ok && net.ParseIP(inner) != nil
	}
	return host, host != "" && !strings.Contains(host, ":")
}

// answer notes what was answered, and gives the other side time as long as it
// goes on reading.
type answer struct {
	http.ResponseWriter
	control *http.ResponseController
	status  int
	bytes   int64
}

func (w *answer) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *answer) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	_ = w.control.SetWriteDeadline(time.Now().Add(writePatience)) // not every writer has one
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (w *answer) Unwrap() http.ResponseWriter { return w.ResponseWriter }
