package page

import (
	"archive/zip"
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"qm/pkg/layout"
)

// What a job left can be looked at, and nothing more.
func TestViewIsInert(t *testing.T) {
	s := newSite(t)
	path := s.job("QM_dJobs", "a")
	s.write(path+"/page.html", "<script>alert(1)</script>")
	s.write(path+"/pic.svg", "<svg onload='alert(1)'/>")
	s.write(path+"/data.bin", "\x00\x01\x02")
	s.write(path+"/latin.txt", "caf\xe9\n")
	s.write(path+"/empty", "")
	for name, want := range map[string]string{
		"page.html": "text/plain; charset=utf-8", "pic.svg": "text/plain; charset=utf-8", "latin.txt": "text/plain; charset=utf-8",
		"empty": "text/plain; charset=utf-8", "data.bin": "application/octet-stream",
	} {
		w := s.do("GET", "/view/QM_dJobs/a/"+name)
		h := w.Header()
		if h.Get("Content-Type") != want || h.Get("Content-Security-Policy") != inert || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", name, h)
		}
		if attached := strings.HasPrefix(h.Get("Content-Disposition"), "attachment"); attached != (name == "data.bin") {
			t.Errorf("%s: Content-Disposition %q", name, h.Get("Content-Disposition"))
		}
	}
	w := s.do("GET", "/view/QM_dJobs/a/process.log", "Range", "bytes=6-9")
	if w.Code != http.StatusPartialContent || w.Body.String() != "line" {
		t.Errorf("a range: %d %q", w.Code, w.Body)
	}
}

// No way leads out of a job's folder, or to what is QM's own.
func TestNoWayOut(t *testing.T) {
	s := newSite(t)
	path := s.job("QM_dJobs", "a")
	s.job("QM_dJobs", "b")
	s.write("secret.txt", "secret")
	s.write(".qm/server.json", `{"host":"secret"}`)
	s.write(path+"/sub/x.txt", "")
	for link, to := range map[string]string{
		"out": "../../secret.txt", "abs": filepath.Join(s.tree, "secret.txt"), "up": "..", "root": "/",
		"own": ".qm", "record": ".qm/run.json", "twice": "record", "loop": "loop", "dangling": "none", "inside": "sub",
	} {
		if err := os.Symlink(to, filepath.Join(s.tree, path, link)); err != nil {
			t.Skip("no links here:", err)
		}
	}
	if err := os.Link(filepath.Join(s.tree, path, ".qm/run.json"), filepath.Join(s.tree, path, "hard")); err != nil {
		t.Skip("no hard links here:", err)
	}
	if err := os.Symlink("../secret.txt", filepath.Join(s.tree, "QM_dJobs", "linked")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("a", filepath.Join(s.tree, "QM_dJobs", "alias")); err != nil {
		t.Fatal(err)
	}
	for _, rest := range []string{
		"out", "abs", "up", "up/b/process.log", "root", "root/etc/passwd", "own", "own/run.json", "record", "twice", "hard", "loop", "dangling",
		".qm/run.json", ".QM/run.json", "%2eqm/run.json", "./.qm/run.json", "sub/../.qm/run.json", "../b/process.log", "..%2fb%2fprocess.log",
		"%2e%2e/b/process.log", "%252e%252e/b/process.log", "sub//x.txt", "..\\b\\process.log", "%00", "sub%2Fx.txt", "/etc/passwd",
	} {
		for _, url := range []string{"/view/QM_dJobs/a/" + rest, "/QM_dJobs/a/" + rest, "/QM_dJobs/a/" + rest + "/"} {
			w := s.do("GET", url)
			if w.Code != http.StatusNotFound && w.Code != http.StatusFound || strings.Contains(w.Body.String(), "secret") {
				t.Errorf("%s: %d\n%.200s", url, w.Code, w.Body)
			}
			if to := w.Header().Get("Location"); to != "" {
				if again := s.do("GET", to); again.Code != http.StatusNotFound {
					t.Errorf("%s leads to %s: %d", url, to, again.Code)
				}
			}
		}
	}
	for _, url := range []string{
		"/view/.qm/server.json", "/view/QM_dJobs/.qm/x", "/view/QM_dJobs/../secret.txt", "/view/QM_dJobs/%2e%2e/secret.txt", "/QM_dJobs/../.qm/",
		"/QM_dJobs/linked/", "/QM_dJobs/alias/", "/view/QM_dJobs/alias/process.log", "/download/alias", "/download/..", "/download/.qm",
		"/api/v1/jobs/QM_dJobs/alias", "/api/v1/jobs/QM_dJobs/../log", "/jobs/..", "/view/QM_dJobs/a%2Fsub/x.txt", "/.qm/", "/.qm/run/",
	} {
		s.get(url, 404)
	}
	s.get("/QM_dJobs/a/inside/", 200)
	page := s.get("/QM_dJobs/a/", 200)
	if strings.Contains(page, ".qm") {
		t.Error("the listing names .qm")
	}
	for name, want := range map[string]string{
		"out": "link out of this folder, not followed", "abs": "link out of this folder, not followed", "loop": "link that leads nowhere",
		"dangling": "link that leads nowhere", "own": "link to what is not shown", "twice": "link to what is not shown",
	} {
		if row := `<td class="what">` + name + ` <span class="kind">` + want + `</span>`; !strings.Contains(page, row) {
			t.Errorf("the listing lacks %s:\n%s", row, page)
		}
	}
	s.wants(page, `<a href="/QM_dJobs/a/inside">inside</a> <span class="kind">link</span>`)
}

func TestZip(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("skipped: Windows does not hold such names")
	}
	s := newSite(t)
	path := s.job("QM_dJobs", "b\xe9 \"x\"")
	s.write(path+"/sub/deep.txt", "deep")
	s.write(path+"/left-out.txt", "the job's own")
	s.write(path+`/..\..\evil`, "where a backslash leads out of the folder")
	if err := os.Symlink("/etc/passwd", filepath.Join(s.tree, path, "link")); err != nil {
		t.Skip("no links here:", err)
	}
	w := s.do("GET", "/download/QM_dJobs/"+layout.ID("b\xe9 \"x\""))
	archive, err := zip.NewReader(bytes.NewReader(w.Body.Bytes()), int64(w.Body.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range archive.File {
		got = append(got, strings.TrimPrefix(f.Name, "b\xe9 \"x\"/"))
	}
	slices.Sort(got)
	if want := []string{"..%5C..%5Cevil", "left-out-2.txt", "left-out.txt", "proc_config.cfg", "process.log", "sub/deep.txt"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, f := range archive.File {
		if !strings.HasSuffix(f.Name, "/left-out-2.txt") {
			continue
		}
		list, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(list); err != nil || string(text) != "What this archive lacks of the job's folder:\nlink: a link\n" {
			t.Errorf("left out: %q, %v", text, err)
		}
		list.Close()
	}
}

// A file that may grow for ever, or is said to hold terabytes, is refused in
// words before anything is sent.
func TestZipTooLarge(t *testing.T) {
	s := newSite(t)
	path := s.job("QM_dJobs", "a")
	s.write(path+"/sparse", "")
	if err := os.Truncate(filepath.Join(s.tree, path, "sparse"), maxZipBytes+1); err != nil {
		t.Skip("no sparse files here:", err)
	}
	s.wants(s.get("/download/a", http.StatusRequestEntityTooLarge), "16 GiB")
}

func TestZipsAreBounded(t *testing.T) {
	s := &site{Options: Options{Log: newSite(t).logger()}, zips: make(chan struct{}, maxZips)}
	for range maxZips {
		s.zips <- struct{}{}
	}
	err := s.sendZip(&statusRecorder{header: http.Header{}}, nil, place{layout.Done, "a"})
	if f := asFailure(err); f.Status != http.StatusServiceUnavailable {
		t.Errorf("got %v", err)
	}
}

func TestLogPieces(t *testing.T) {
	s := newSite(t)
	s.write(s.job("QM_Jobs", "a")+"/process.log", "0123456789")
	s.write("QM_Jobs/none/x", "")
	s.mkdir("QM_Jobs/folder/process.log")
	for _, c := range []struct{ query, body, offset string }{
		{"", "0123456789", "0"},
		{"?offset=4", "456789", "4"},
		{"?offset=4&limit=2", "45", "4"},
		{"?offset=-3", "789", "7"},
		{"?offset=-300", "0123456789", "0"},
		{"?offset=10", "", "10"},
		{"?offset=9223372036854775807", "", "9223372036854775807"},
		{"?offset=-9223372036854775808", "0123456789", "0"},
	} {
		w := s.do("GET", "/api/v1/jobs/QM_Jobs/a/log"+c.query)
		if w.Code != 200 || w.Body.String() != c.body || w.Header().Get("X-Log-Offset") != c.offset || w.Header().Get("X-Log-Size") != "10" {
			t.Errorf("%s: %d %q %v", c.query, w.Code, w.Body, w.Header())
		}
	}
	s.wants(s.get("/api/v1/jobs/QM_Jobs/none/log", 404), `{"error"`)
	s.wants(s.get("/api/v1/jobs/QM_Jobs/folder/log", 404), `{"error"`)
	s.get("/QM_Jobs/folder/", 200)
}

// Whatever the path, nothing of the file beside the tree's folders comes, no
// answer is a fault of ours, and no redirect leaves the site.
func FuzzPath(f *testing.F) {
	for _, c := range routeTests {
		f.Add(c.url)
	}
	f.Add("/view/QM_dJobs/a/..%2f..%2fsecret.txt")
	f.Add("//evil.example/%2e%2e")
	f.Add("/view/QM_dJobs/a/%ff%00")
	s := newSite(f)
	s.job("QM_dJobs", "done_job")
	s.write("secret.txt", "the secret")
	f.Fuzz(func(t *testing.T, path string) {
		u, err := url.ParseRequestURI(path)
		if err != nil || u.Host != "" || !strings.HasPrefix(path, "/") {
			t.Skip("no client can send this")
		}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL, r.Host = u, "localhost"
		w := httptest.NewRecorder()
		s.http.ServeHTTP(w, r)
		if w.Code >= 500 && w.Code != http.StatusServiceUnavailable {
			t.Errorf("%q: %d", path, w.Code)
		}
		if strings.Contains(w.Body.String(), "the secret") {
			t.Errorf("%q shows the secret", path)
		}
		if to := w.Header().Get("Location"); to != "" && (!strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.HasPrefix(to, "/\\")) {
			t.Errorf("%q leads to %q", path, to)
		}
	})
}
