package page

import (
	"encoding/base64"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"qm/cmd/qmweb/internal/access"
)

// Without user and password no route tells anything but that it asks for them.
func TestLogIn(t *testing.T) {
	hash, err := bcrypt.GenerateFromPassword([]byte("an: apple"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "passwords")
	if err := os.WriteFile(path, []byte("ann:"+string(hash)), 0o600); err != nil {
		t.Fatal(err)
	}
	gate, err := access.Open(path, "", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s := routeSite(t, func(o *Options) { o.Gate = gate })
	basic := func(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }
	for _, c := range routeTests {
		if w := s.do(http.MethodGet, c.url, "Authorization", basic("ann:an: apple")); w.Code != c.status {
			t.Errorf("%s with the password: %d, want %d", c.url, w.Code, c.status)
		}
		for _, header := range []string{"", "Basic", "Basic ?", basic("ann"), basic("ann:"), basic("ann:a pear"), basic("eve:an: apple"), "Bearer x"} {
			w := s.do(http.MethodGet, c.url, "Authorization", header)
			if w.Code != http.StatusUnauthorized || !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Basic ") {
				t.Errorf("%s with %q: %d", c.url, header, w.Code)
			}
			if strings.Contains(w.Body.String(), "_job") {
				t.Errorf("%s with %q tells of jobs:\n%s", c.url, header, w.Body)
			}
		}
	}
	if w := s.do(http.MethodDelete, "/", "Authorization", basic("ann:an: apple")); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("DELETE: %d", w.Code)
	}
}
