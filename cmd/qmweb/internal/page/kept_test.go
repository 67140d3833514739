package page

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"qm/cmd/qmweb/internal/snapshot"
	"qm/pkg/layout"
)

// keptTests are the answers that are kept: what they are asked with, and whether
// they stay the same while only time passes.
var keptTests = []struct {
	url, header string
	stays       bool
}{
	{"/", "", false}, {"/", "1", true}, {"/?state=done", "1", true}, {"/QM_Jobs/r/", "1", true},
	{"/api/v1/status", "", true}, {"/api/v1/jobs?state=done", "", true}, {"/api/v1/jobs", "", false},
	{"/stats", "", true}, {"/api/v1/stats", "", true}, {"/static/qm.js", "", true},
}

// Whoever has an answer is told so, and gets neither it nor another one until
// something changed; and then gets that, within two seconds.
func TestNotModified(t *testing.T) {
	s := newSite(t)
	s.job("QM_dJobs", "a")
	s.write("QM_Jobs/r/proc_config.cfg", "[QMOptions]\nscript : x\n")
	s.write("QM_Jobs/r/process.log", "3 / 4\n")
	s.write("QM_Jobs/r/"+layout.RecordFile, `{"started":"`+time.Now().Add(-time.Minute).Format(time.RFC3339)+`"}`)
	s.get("/", 200)
	for _, c := range keptTests {
		first := s.do(http.MethodGet, c.url, liveHeader, c.header, "Accept-Encoding", "gzip")
		tag := first.Header().Get("ETag")
		if first.Code != 200 || tag == "" || first.Header().Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: %d with %v", c.url, first.Code, first.Header())
		}
		if words := regexp.MustCompile(`<time[^>]*>[^<]+`).FindString(s.do(http.MethodGet, c.url, liveHeader, c.header).Body.String()); c.header != "" && words != "" {
			t.Errorf("%s for the script has words for a time: %s", c.url, words)
		}
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			w := s.do(method, c.url, liveHeader, c.header, "Accept-Encoding", "gzip", "If-None-Match", tag)
			if same := w.Code == http.StatusNotModified; c.stays && !same || same && (w.Body.Len() > 0 || w.Header().Get("ETag") != tag || w.Header().Get("Vary") != first.Header().Get("Vary")) {
				t.Errorf("%s %s with %s: %d with %v", method, c.url, tag, w.Code, w.Header())
			}
		}
		head := s.do(http.MethodHead, c.url, liveHeader, c.header, "Accept-Encoding", "gzip")
		if head.Body.Len() > 0 || c.stays && head.Header().Get("Content-Length") != first.Header().Get("Content-Length") {
			t.Errorf("HEAD %s: %d bytes with %v, GET has %v", c.url, head.Body.Len(), head.Header(), first.Header())
		}
	}
	tag := s.do(http.MethodGet, "/", liveHeader, "1").Header().Get("ETag")
	s.write("QM_Jobs/r/process.log", "processing 4 / 4\n")
	for until := time.Now().Add(5 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		w := s.do(http.MethodGet, "/", liveHeader, "1", "If-None-Match", tag)
		if w.Code == 200 && strings.Contains(w.Body.String(), "4 / 4") {
			break
		}
		if time.Now().After(until) {
			t.Fatalf("the change does not show: %d %s", w.Code, w.Body)
		}
	}
}

// The page for the script has no words for times, all else is as on the page for
// readers.
func TestBarePage(t *testing.T) {
	now := time.Now()
	snap := snapshot.New(now.Add(time.Hour), hostileJob(layout.Done),
		&snapshot.Job{Name: "r", State: layout.Running, Started: now.Add(-time.Hour), Took: -1, Progress: hostileProgress(50)})
	snap.Server = snapshot.Server{Known: true, Alive: true}
	snap.Server.Started = now.Add(-time.Hour)
	s := &site{}
	make := func(c clock) string {
		p, err := s.statusPage(snap, snapshot.Query{}, c)
		if err != nil {
			t.Fatal(err)
		}
		b, err := pageBody("status.html", p)
		if err != nil {
			t.Fatal(err)
		}
		return string(b.data)
	}
	bare, full := make(clock{now: now, bare: true}), make(clock{now: now})
	if later := make(clock{now: now.Add(20 * time.Minute), bare: true}); later != bare {
		t.Errorf("the page for the script changes with time:\n%s\n%s", bare, later)
	}
	if later := make(clock{now: now.Add(20 * time.Minute)}); later == full {
		t.Error("the page for readers does not change with time")
	}
	for _, part := range []string{`, up <time`, ` data-as="span">1 h</time>`, `data-left="50"`, `>about 1 h</span> left`, `title="since `} {
		if !strings.Contains(full, part) {
			t.Errorf("the page lacks %q:\n%s", part, full)
		}
	}
	if strings.Contains(bare, "1 h") || strings.Count(bare, "<time") != strings.Count(full, "<time") {
		t.Errorf("the page for the script is\n%s", bare)
	}
}

// What failed lately counts for an hour, also where nothing else happens.
func TestPageUntil(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		bad   badCount
		age   time.Duration
		clock clock
		want  time.Duration

		silent time.Time
		mail   *layout.WaitingMail
	}{
		{clock: clock{now, true}, want: factsHold}, {bad: badCount{failed: 1, until: now.Add(time.Minute)}, clock: clock{now, true}, want: time.Minute},
		{clock: clock{now, false}, want: wordsHold}, {age: 2 * staleAfter, clock: clock{now, true}, want: wordsHold},
		{clock: clock{now, true}, want: wordsHold, silent: now}, {clock: clock{now, true}, want: wordsHold, mail: &layout.WaitingMail{Waiting: 1}},
		{clock: clock{now, true}, want: factsHold, mail: &layout.WaitingMail{}},
	} {
		snap := snapshot.New(now.Add(-c.age))
		snap.Server.Silent, snap.Server.Mail = c.silent, c.mail
		if got := pageUntil(snap, c.bad, c.clock).Sub(now); got > c.want || got <= 0 || c.want > wordsHold && got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// Files of the pages are kept for good by the name that holds what they are, and
// asked for again by another.
func TestStaticNames(t *testing.T) {
	s := newSite(t)
	for url, want := range map[string]string{asset("qm.js"): "private, max-age=31536000, immutable", "/static/qm.js": "no-cache", "/static/qm.js?v=old": "no-cache"} {
		if got := s.do(http.MethodGet, url).Header().Get("Cache-Control"); got != want {
			t.Errorf("%s: %s, want %s", url, got, want)
		}
	}
	s.wants(s.get("/", 200), `src="`+asset("qm.js")+`"`, `href="`+asset("style.css")+`"`)
}
