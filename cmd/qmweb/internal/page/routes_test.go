package page

import (
	"encoding/json"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"qm/cmd/qmweb/internal/snapshot"
)

// routeTests are requests for all routes, with what must come.
var routeTests = []struct {
	url    string
	status int
	wants  string // part of the body, or the Location of a redirect
}{
	{"/", 200, "done_job"},
	{"/QM", 200, "done_job"},
	{"/QM/", 200, "done_job"},
	{"/?state=done&outcome=failed&owner=a@example.org&q=DONE", 200, "done_job"},
	{"/?state=done&q=other", 200, "No job that is done is like this"},
	{"/?state=finished", 400, "queued, running, done or lost"},
	{"/QM_dJobs", 302, "/?state=done"},
	{"/QM_lost+found/", 302, "/?state=lost"},
	{"/QM_lost%2Bfound/", 302, "/?state=lost"},
	{"/QM_dJobs/done_job", 302, "/QM_dJobs/done_job/"},
	{"/QM_dJobs/done_job/", 200, "exit code 3"},
	{"/QM_Jobs/running_job/", 200, "processing 3 / 4"},
	{"/QM_qJobs/waiting_job/", 200, "qmserver is not running"},
	{"/QM_lost+found/lost_job/", 200, "lost_job"},
	{"/QM_qJobs/done_job/", 302, "/QM_dJobs/done_job/"}, // it moved on
	{"/QM_dJobs/done_job/sub/", 200, "deep.txt"},
	{"/QM_dJobs/done_job/sub/deep.txt", 302, "/view/QM_dJobs/done_job/sub/deep.txt"},
	{"/QM_dJobs/none/", 404, "There is no job none"},
	{"/QM_xJobs/done_job/", 404, "QM_qJobs"},
	{"/jobs/done_job", 302, "/QM_dJobs/done_job/"},
	{"/jobs/none", 404, "There is no job"},
	{"/view/QM_dJobs/done_job/process.log", 200, "first line"},
	{"/view/QM_dJobs/done_job/sub/deep.txt", 200, "deep"},
	{"/view/QM_dJobs/done_job/", 302, "/QM_dJobs/done_job/"},
	{"/view/QM_dJobs/done_job/sub", 404, ""},
	{"/view/QM_dJobs/done_job/none", 404, ""},
	{"/download/done_job", 200, "PK"},
	{"/download/QM_dJobs/done_job", 200, "PK"},
	{"/download/none", 404, ""},
	{"/static/style.css", 200, "prefers-color-scheme"},
	{"/static/qm.js", 200, "use strict"},
	{"/icon/idle.svg", 200, "svg"}, {"/icon/12-bad.svg", 200, ">12</text>"}, {"/icon/100.svg", 404, "no such file"}, {"/icon/x.svg", 404, "no such file"},
	{"/static/..%2Ftemplates%2Fbase.html", 404, ""},
	{"/metrics", 200, `qm_jobs{state="done"} 1`},
	{"/healthz", 200, "ok"},
	{"/readyz", 503, "qmserver is not running"},
	{"/api/v1/status", 200, `"counts":{"arriving":0,"queued":1,"running":1,"done":1,"lost":1}`},
	{"/api/v1/jobs?state=done", 200, `"id":"done_job"`},
	{"/api/v1/jobs?limit=0", 400, `{"error":"limit is \"0\"; it may be a number from 1 to 1000"}`},
	{"/api/v1/jobs?outcome=good", 400, `succeeded`},
	{"/api/v1/jobs?owner=%zz", 400, `percent-encoded`},
	{"/?owner=%zz", 400, `percent-encoded`},
	{"/api/v1/jobs?after=rubbish", 400, `"error"`},
	{"/api/v1/jobs/QM_dJobs/done_job", 200, `"exit_code":3`},
	{"/api/v1/jobs/QM_qJobs/done_job", 404, `is in QM_dJobs now`},
	{"/api/v1/jobs/QM_dJobs/done_job/log", 200, "first line"},
	{"/api/v1/jobs/QM_dJobs/done_job/log?limit=9999999", 400, "262144"},
	{"/api/v1/jobs/QM_dJobs/done_job/log?offset=x", 400, "whole number"},
	{"/api/v1/jobs/QM_dJobs/done_job/log?offset=%x", 400, "percent-encoded"},
	{"/api/v1/stats", 200, `"period":"30d","by":"day","owner":""`},
	{"/api/v1/stats?period=all&by=day&owner=a@example.org", 200, `"owners":[{"owner":"a@example.org","jobs":`},
	{"/api/v1/stats?period=all", 200, `"outcomes":{"succeeded":0,"failed":1,"stopped":0,"timed-out":0,"interrupted":0,"rejected":0,"unknown":1}`},
	{"/api/v1/stats?period=8d", 400, `7d, 30d, 365d or all`},
	{"/api/v1/stats?by=week", 400, `day or month`},
	{"/api/v1/none", 404, `{"error":`},
	{"/none", 404, "<!DOCTYPE html>"},
	{"/a/b/c/d/e", 404, "<!DOCTYPE html>"},
}

func routeSite(t *testing.T, change ...func(*Options)) *testSite {
	s := newSite(t, change...)
	s.job("QM_qJobs", "waiting_job")
	s.job("QM_Jobs", "running_job")
	s.job("QM_lost+found", "lost_job")
	s.write(s.job("QM_dJobs", "done_job")+"/sub/deep.txt", "deep")
	return s
}

// Each route answers GET and HEAD alike, with all headers, and leaves the tree
// as it was.
func TestRoutes(t *testing.T) {
	s := routeSite(t)
	before := s.checksum()
	for _, c := range routeTests {
		w := s.do(http.MethodGet, c.url)
		if w.Code != c.status {
			t.Errorf("GET %s: %d, want %d\n%.300s", c.url, w.Code, c.status, w.Body)
			continue
		}
		if c.status == http.StatusFound {
			if got := w.Header().Get("Location"); got != c.wants {
				t.Errorf("GET %s leads to %s, want %s", c.url, got, c.wants)
			}
		} else if !strings.Contains(w.Body.String(), c.wants) {
			t.Errorf("GET %s lacks %q:\n%s", c.url, c.wants, w.Body)
		}
		for _, h := range headers {
			if w.Header().Get(h[0]) == "" {
				t.Errorf("GET %s: no %s", c.url, h[0])
			}
		}
		head := s.do(http.MethodHead, c.url)
		if head.Code != w.Code || head.Header().Get("Content-Type") != w.Header().Get("Content-Type") {
			t.Errorf("HEAD %s: %d %s, GET: %d %s", c.url, head.Code, head.Header().Get("Content-Type"), w.Code, w.Header().Get("Content-Type"))
		}
	}
	if s.checksum() != before {
		t.Error("the tree is not what it was")
	}
}

func TestPrefix(t *testing.T) {
	s := routeSite(t, func(o *Options) { o.Prefix = "/lab/qm" })
	s.wants(s.get("/lab/qm", 200), `href="/lab/qm/static/style.css?v=`, `href="/lab/qm/QM_dJobs/done_job/"`)
	s.wants(s.get("/lab/qm/api/v1/none", 404), `{"error"`)
	if got := s.do("GET", "/lab/qm/jobs/done_job").Header().Get("Location"); got != "/lab/qm/QM_dJobs/done_job/" {
		t.Errorf("it leads to %s", got)
	}
	for _, url := range []string{"/", "/QM/", "/lab/qmx", "/lab/"} {
		s.get(url, 404)
	}
}

// All routes are registered for GET and HEAD and nothing else.
func TestRoutesOnlyRead(t *testing.T) {
	s := &site{Options: Options{Store: snapshot.NewStore("", nil)}}
	methods := make(map[string]string)
	err := chi.Walk(s.routes(), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		methods[route] += " " + method
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(methods) < 18 {
		t.Errorf("only %d routes", len(methods))
	}
	for route, got := range methods {
		if got != " GET HEAD" && got != " HEAD GET" {
			t.Errorf("%s answers%s", route, got)
		}
	}
}

func TestMethods(t *testing.T) {
	s := routeSite(t)
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "FOO"} {
		for _, url := range []string{"/", "/QM_dJobs/done_job/", "/api/v1/jobs", "/none"} {
			w := s.do(method, url)
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %d, Allow %q", method, url, w.Code, w.Header().Get("Allow"))
			}
		}
	}
}

func TestHosts(t *testing.T) {
	s := newSite(t)
	for host, status := range map[string]int{
		"localhost": 200, "localhost:8000": 200, "LocalHost:1": 200, "[::1]": 200, "[::1]:8000": 200,
		"": 421, "evil.example": 421, "localhost.evil.example": 421, "localhost:80.evil.example": 421,
		"localhost:": 421, "::1": 421, "[::1": 421, "[localhost]": 421, "[::1].evil.example": 421, "localhost:80:80": 421,
	} {
		for _, url := range []string{"/", "/healthz", "/api/v1/status"} {
			r, err := http.NewRequest(http.MethodGet, url, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = host
			w := &statusRecorder{header: http.Header{}}
			s.http.ServeHTTP(w, r)
			if w.status != status {
				t.Errorf("host %q, %s: %d, want %d", host, url, w.status, status)
			}
		}
	}
}

type statusRecorder struct {
	header http.Header
	status int
}

func (w *statusRecorder) Header() http.Header         { return w.header }
func (w *statusRecorder) Write(p []byte) (int, error) { return len(p), nil }
func (w *statusRecorder) WriteHeader(status int)      { w.status = status }

func TestNoTree(t *testing.T) {
	s := newSite(t)
	if err := os.RemoveAll(s.tree); err != nil {
		t.Fatal(err)
	}
	page := s.get("/", 200)
	s.wants(page, "There is no folder", "QM_FOLDER")
	if strings.Contains(page, "<h2") {
		t.Error("sections are shown of a tree that is not there")
	}
	s.get("/QM_dJobs/x/", 404)
	s.get("/readyz", 503)
	s.get("/healthz", 200)
	s.wants(s.get("/api/v1/jobs", 200), `{"jobs":[],"next":""}`)
}

// Links to a job lead to where it is, however short ago it was moved.
func TestLinksAfterMove(t *testing.T) {
	s := newSite(t)
	s.job("QM_Jobs", "a")
	s.get("/", 200)
	if err := os.Rename(s.tree+"/QM_Jobs/a", s.tree+"/QM_dJobs/a"); err != nil {
		t.Fatal(err)
	}
	s.job("QM_qJobs", "new")
	for url, want := range map[string]string{"/jobs/a": "/QM_dJobs/a/", "/QM_Jobs/a/": "/QM_dJobs/a/", "/jobs/new": "/QM_qJobs/new/"} {
		to := url
		for range 3 {
			w := s.do(http.MethodGet, to)
			if w.Code != http.StatusFound {
				break
			}
			to = w.Header().Get("Location")
		}
		if to != want {
			t.Errorf("%s leads to %s, want %s", url, to, want)
		}
		s.get(to, 200)
	}
}

// What can't be encoded is a fault of ours, not half an answer.
func TestUnencodable(t *testing.T) {
	s := &site{Options: Options{Log: slog.New(slog.DiscardHandler)}}
	w := httptest.NewRecorder()
	h := s.serve(func(w http.ResponseWriter, _ *http.Request) error { return writeJSON(w, http.StatusOK, math.NaN()) })
	h(w, httptest.NewRequest(http.MethodGet, "/api/v1/status", nil))
	if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), `"error"`) {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
}

func TestPanic(t *testing.T) {
	s := &site{Options: Options{Log: newSite(t).logger(), AllowedHosts: []string{"localhost"}}}
	h := s.guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("planted") }))
	w := &statusRecorder{header: http.Header{}}
	r, _ := http.NewRequest(http.MethodGet, "http://localhost/", nil)
	h.ServeHTTP(w, r)
	if w.status != http.StatusInternalServerError {
		t.Errorf("got %d", w.status)
	}
}

// The JSON of a job is what programs rely on: all keys, always.
func TestJobKeys(t *testing.T) {
	s := routeSite(t)
	for _, url := range []string{"/api/v1/jobs/QM_dJobs/done_job", "/api/v1/jobs/QM_qJobs/waiting_job", "/api/v1/jobs/QM_Jobs/running_job"} {
		var job map[string]any
		if err := json.Unmarshal([]byte(s.get(url, 200)), &job); err != nil {
			t.Fatal(err)
		}
		for key := range strings.FieldsSeq("id name folder state outcome owner info script nb_proc priority size submitted " +
			"started finished seconds exit_code signal reason position progress") {
			if _, ok := job[key]; !ok {
				t.Errorf("%s lacks %s", url, key)
			}
			delete(job, key)
		}
		if len(job) > 0 {
			t.Errorf("%s has too much: %v", url, job)
		}
	}
	var job jsonJob
	if err := json.Unmarshal([]byte(s.get("/api/v1/jobs/QM_Jobs/running_job", 200)), &job); err != nil {
		t.Fatal(err)
	}
	if p := job.Progress; p == nil || p.Done != 3 || p.Total != 4 || p.Percent != 75 || p.ETA == nil {
		t.Errorf("progress is %+v", job.Progress)
	}
}

// The pages of a list together are the list.
func TestPaging(t *testing.T) {
	s := newSite(t)
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		s.job("QM_dJobs", name)
		s.job("QM_Jobs", name+name)
		s.job("QM_lost+found", name+"\xff")
	}
	var got []string
	for url := "/api/v1/jobs?limit=2"; ; {
		var page jsonJobs
		if err := json.Unmarshal([]byte(s.get(url, 200)), &page); err != nil {
			t.Fatal(err)
		}
		if len(page.Jobs) > 2 {
			t.Fatalf("%d jobs on a page", len(page.Jobs))
		}
		for _, j := range page.Jobs {
			got = append(got, j.Folder+"/"+j.ID)
		}
		if page.Next == "" {
			break
		}
		url = "/api/v1/jobs?limit=2&after=" + page.Next
	}
	seen := make(map[string]bool)
	for _, id := range got {
		seen[id] = true
	}
	if len(got) != 15 || len(seen) != 15 {
		t.Errorf("%d jobs, %d different ones: %q", len(got), len(seen), got)
	}
}
