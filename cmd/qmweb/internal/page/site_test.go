package page

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"qm/cmd/qmweb/internal/snapshot"
	"qm/pkg/layout"
)

// testSite serves a tree of its own.
type testSite struct {
	t    testing.TB
	tree string
	http http.Handler
}

func newSite(t testing.TB, change ...func(*Options)) *testSite {
	t.Helper()
	s := &testSite{t: t, tree: filepath.Join(t.TempDir(), "QM")}
	for _, st := range layout.States {
		s.mkdir(st.Folder())
	}
	s.mkdir(layout.Own)
	o := Options{
		Store: snapshot.NewStore(s.tree, []string{"proc_config.cfg"}), Log: slog.New(slog.DiscardHandler),
		AllowedHosts: []string{"localhost", "::1"}, Refresh: 20 * time.Second,
	}
	for _, c := range change {
		c(&o)
	}
	s.http = New(o)
	return s
}

func (s *testSite) logger() *slog.Logger { return slog.New(slog.DiscardHandler) }

func (s *testSite) mkdir(path string) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Join(s.tree, path), 0o755); err != nil {
		s.t.Fatal(err)
	}
}

func (s *testSite) write(path, content string) {
	s.t.Helper()
	s.mkdir(filepath.Dir(path))
	if err := os.WriteFile(filepath.Join(s.tree, path), []byte(content), 0o644); err != nil {
		s.t.Fatal(err)
	}
}

// job puts a job there with an info file, a log and a record.
func (s *testSite) job(folder, name string) string {
	s.t.Helper()
	path := folder + "/" + name
	s.write(path+"/proc_config.cfg", "[QMOptions]\nscript : sh run.sh\ninfo : the info line\ne_mail : a@example.org\n")
	s.write(path+"/process.log", "first line\nprocessing 3 / 4\n")
	record := `{"name":"x","started":"2026-01-02T03:04:05Z"`
	if folder == "QM_dJobs" {
		record += `,"finished":"2026-01-02T03:05:05Z","outcome":"failed","exit_code":3,"reason":"exit code 3"`
	}
	s.write(path+"/"+layout.RecordFile, record+"}")
	return path
}

func (s *testSite) do(method, url string, header ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequest(method, "http://localhost"+url, nil)
	r.Host = "localhost" // also for CONNECT
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.http.ServeHTTP(w, r)
	return w
}

func (s *testSite) get(url string, status int) string {
	s.t.Helper()
	w := s.do(http.MethodGet, url)
	if w.Code != status {
		s.t.Errorf("GET %s: %d, want %d\n%.500s", url, w.Code, status, w.Body)
	}
	return w.Body.String()
}

// wants checks that a page holds each of these.
func (s *testSite) wants(page string, parts ...string) {
	s.t.Helper()
	for _, part := range parts {
		if !strings.Contains(page, part) {
			s.t.Errorf("the page lacks %q:\n%s", part, page)
		}
	}
}

// checksum covers names, types, modes, times of change and contents.
func (s *testSite) checksum() string {
	s.t.Helper()
	h := sha256.New()
	err := filepath.WalkDir(s.tree, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintln(h, path, info.Mode(), info.ModTime())
		if info.Mode().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			h.Write(data)
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}
