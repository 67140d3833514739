package page

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/net/html"

	"qm/cmd/qmweb/internal/snapshot"
	"qm/cmd/qmweb/internal/stats"
	"qm/cmd/qmweb/internal/terminal"
	"qm/pkg/jobinfo"
	"qm/pkg/layout"
)

// hostile is what a job may be called, print and claim.
const hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)> \xff\n\x1b[31m\u202e {{.}} javascript:alert(1) &amp; -->"

func hostileJob(st layout.State) *snapshot.Job {
	code, signal := -1, 9
	now := time.Now()
	return &snapshot.Job{
		Name: hostile, State: st, Outcome: layout.Failed, Owner: hostile, Info: hostile, Script: hostile, Size: hostile, Reason: hostile,
		NbProc: 1 << 40, Priority: -1 << 40, Submitted: now, Started: now.Add(time.Hour), Finished: now, Changed: now, Took: 1 << 62,
		ExitCode: &code, Signal: &signal, Position: 1, Arriving: true, LastLine: layout.Display(hostile), Slurm: hostile, Silent: now, Private: true,
		Progress: hostileProgress(1e300),
	}
}

func hostileProgress(percent float64) *jobinfo.Progress {
	return &jobinfo.Progress{Done: 1 << 62, Total: 1, Percent: percent}
}

func hostileSnapshot() *snapshot.Snapshot {
	var jobs []*snapshot.Job
	for _, st := range layout.States {
		jobs = append(jobs, hostileJob(st), &snapshot.Job{Name: "plain", State: st, Took: -1})
	}
	jobs = append(jobs, &snapshot.Job{Name: hostile, State: layout.Running, Started: time.Now().Add(-time.Hour), Took: -1, Progress: hostileProgress(1e-3)})
	s := snapshot.New(time.Now().Add(-time.Hour), jobs...)
	s.Unread, s.Server = 5, snapshot.Server{Known: true, Alive: true}
	s.Server.Heartbeat = layout.Heartbeat{Mail: &layout.WaitingMail{Waiting: 1 << 60, Problem: hostile}, Host: hostile, Version: hostile, Launch: hostile, Slots: 1 << 40, SlotsUsed: -5, GPUs: 1, Problems: []string{hostile}}
	for range maxNotes + 1 {
		s.Notes = append(s.Notes, layout.Note{Folder: hostile, ID: hostile, Text: hostile})
	}
	return s
}

// pageData are the data of each page: empty, full and hostile.
func pageData(t *testing.T) map[string][]any {
	t.Helper()
	s := &site{Options: Options{Prefix: "/p", Refresh: time.Second, Details: true}}
	c := clock{now: time.Now()}
	data := map[string][]any{
		"error.html":  {&errorPage{}, &errorPage{s.frame(layout.Display(hostile)), 404, layout.Display(hostile)}},
		"folder.html": {&folderPage{}},
		"job.html":    {&jobPage{}},
		"status.html": {&statusPage{}},
	}
	files := &listing{Files: []fileView{{Name: layout.Display(hostile), Link: "/p/" + layout.ID(hostile), Kind: "link", Size: "1", Modified: c.moment(c.now)}}, More: "5 more"}
	data["folder.html"] = append(data["folder.html"], &folderPage{frame: s.frame(layout.Display(hostile)), Heading: layout.Display(hostile), Job: layout.Display(hostile), JobLink: "/p/x", Path: []crumb{{layout.Display(hostile), "/p/y"}}, Files: files})
	for _, snap := range []*snapshot.Snapshot{{}, {Problem: layout.Display(hostile)}, {Server: snapshot.Server{Known: true}}, hostileSnapshot()} {
		for _, st := range append([]*layout.State{nil}, pointers()...) {
			for _, c := range []clock{c, {now: c.now, bare: true}} {
				p, err := s.statusPage(snap, snapshot.Query{State: st, Owner: "", Text: ""}, c)
				if err != nil {
					t.Fatal(err)
				}
				data["status.html"] = append(data["status.html"], p)
			}
		}
	}
	data["stats.html"] = append(data["stats.html"], &statsPage{})
	for _, snap := range []*snapshot.Snapshot{{}, hostileSnapshot()} {
		for _, q := range []stats.Query{{}, {Period: stats.Month, Step: stats.Daily}, {Period: stats.Year, Owner: hostile}} {
			data["stats.html"] = append(data["stats.html"], s.statsPage(stats.Of(snap, q, c.now)))
		}
	}
	seconds, peak, attempt := 1e8, int64(1<<62), 3
	rec := &layout.Record{CPUs: []int{0, 1, 2, 7}, GPUs: []string{hostile}, Host: new(hostile), CPUSeconds: &seconds, PeakMemoryBytes: &peak, Attempt: attempt}
	asked := jobinfo.Info{File: hostile, NbProc: 1, EMail: hostile, Priority: 1, Limit: time.Hour, Memory: 1, NbGPU: 1, After: []string{hostile}, MaxLog: 1, Rerun: true, Warnings: []string{hostile}}
	for _, st := range layout.States {
		d := &snapshot.Detail{Job: hostileJob(st), Asked: asked, Record: rec, Refuse: errors.New(hostile)}
		for _, private := range []bool{true, false} {
			d.Private = private
			p := s.jobPage(place{st, hostile}, d, c)
			p.Log = logView{Lines: terminal.Lines([]byte(hostile), false), Link: "/p/x", Data: "/p/y", Size: "1", Partial: true}
			p.Files = files
			data["job.html"] = append(data["job.html"], p)
		}
	}
	return data
}

func pointers() (all []*layout.State) {
	for _, st := range layout.States {
		all = append(all, &st)
	}
	return all
}

// Every page is made of everything, and what a job wrote stays text in it: no
// element, attribute or link of its making.
func TestPagesEscape(t *testing.T) {
	data := pageData(t)
	for name := range templates {
		if len(data[name]) < 2 {
			t.Errorf("%s is not tested", name)
		}
		for i, d := range data[name] {
			var buf bytes.Buffer
			if err := templates[name].ExecuteTemplate(&buf, "base.html", d); err != nil {
				t.Errorf("%s, data %d: %v", name, i, err)
				continue
			}
			checkMarkup(t, name, buf.Bytes())
			if at := strings.IndexAny(buf.String(), "\x1b\u202e"); at >= 0 || !utf8.Valid(buf.Bytes()) {
				t.Errorf("%s, data %d has what does not print: %.200q", name, i, buf.Bytes()[max(at-80, 0):])
			}
		}
	}
}

// Elements and attributes that our templates use.
const (
	ourElements = " a abbr b body button caption circle code datalist dd div dl dt figcaption figure footer form g h1 h2 h3 head header html input label li line link main meta nav " +
		"desc noscript ol option p path pre progress rect script section select small span svg table tbody td text tfoot th thead time title tr ul "
	ourAttributes = " action aria-current aria-hidden aria-label aria-labelledby aria-pressed autocomplete charset class dy content cx cy d data-as data-grows data-keep data-left data-live data-log data-since " +
		"datetime defer download height hidden href http-equiv id lang list max method name preserveaspectratio r rel role rx scope selected spellcheck src tabindex " +
		"title type value viewbox width x x1 x2 y y1 y2 "
)

func checkMarkup(t *testing.T, name string, page []byte) {
	t.Helper()
	z := html.NewTokenizer(bytes.NewReader(page))
	ids := make(map[string]bool)
	for {
		if z.Next() == html.ErrorToken {
			if z.Err() != io.EOF { //nolint:errorlint // it is io.EOF itself
				t.Errorf("%s: %v", name, z.Err())
			}
			return
		}
		tok := z.Token()
		if tok.Type != html.StartTagToken && tok.Type != html.SelfClosingTagToken {
			continue
		}
		if !strings.Contains(ourElements, " "+tok.Data+" ") {
			t.Errorf("%s has an element %s", name, tok.Data)
		}
		for _, a := range tok.Attr {
			if !strings.Contains(ourAttributes, " "+strings.ToLower(a.Key)+" ") {
				t.Errorf("%s has an attribute %s=%q", name, a.Key, a.Val)
			}
			if (a.Key == "href" || a.Key == "src" || a.Key == "action") && !strings.HasPrefix(a.Val, "/p/") && strings.Trim(a.Val[:min(1, len(a.Val))], "/?#") != "" {
				t.Errorf("%s links to %q", name, a.Val)
			}
			if a.Key == "id" {
				if ids[a.Val] {
					t.Errorf("%s has two elements #%s", name, a.Val)
				}
				ids[a.Val] = true
			}
		}
	}
}

// Several faults of an info file stand on lines of their own, and once.
func TestRefusal(t *testing.T) {
	s := newSite(t)
	s.write("QM_lost+found/a/proc_config.cfg", "[QMOptions]\nscript : x\nnb_proc : two\npriority : high\n")
	page := html.UnescapeString(s.get("/QM_lost+found/a/", 200))
	s.wants(page, "such as nb_proc = 2\nproc_config.cfg, line 4")
	if n := strings.Count(page, "not a positive integer"); n != 1 {
		t.Errorf("the fault stands there %d times", n)
	}
}

// A whole site of hostile jobs, through the handlers.
func TestHostileTree(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("skipped: Windows does not hold such names")
	}
	s := newSite(t)
	names := []string{"<img src=x onerror=alert(1)>", "a\nb", "quote\"'", "per%2Fcent", "\xff\xfe", " ", "-rf", "javascript:alert(1)", "?x=1#y", strings.Repeat("x", 255)}
	for _, st := range layout.States {
		for _, name := range names {
			path := st.Folder() + "/" + name
			s.write(path+"/proc_config.cfg", "[QMOptions]\nscript : <script>alert(1)</script>\ninfo : </td><script>alert(2)</script> %\n")
			s.write(path+"/process.log", "<script>alert(3)</script>\xff\x00\x1b[31m 5 / 0\n")
			s.write(path+"/.qm/run.json", `{"owner":"<script>alert(4)</script>","reason":"</p><script>alert(5)</script>"}`)
			s.write(path+"/"+names[0], "<script>alert(6)</script>")
		}
	}
	page := s.get("/", 200)
	for _, st := range layout.States {
		for _, name := range names {
			link := "/" + place{st, name}.String() + "/"
			if !strings.Contains(html.UnescapeString(page), `href="`+link+`"`) {
				t.Errorf("the status page does not link %s", link)
			}
			page += s.get(link, 200)
			s.get("/view/"+place{st, name}.String()+"/process.log", 200)
			s.get("/view/"+place{st, name}.String()+"/"+layout.ID(names[0]), 200)
			s.get("/api/v1/jobs/"+place{st, name}.String(), 200)
		}
	}
	if strings.Contains(page, "<script>alert") || strings.Contains(page, "<img") {
		t.Error("a job wrote markup into a page")
	}
}

func TestWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0.0 s", 400 * time.Millisecond: "0.4 s", 59 * time.Second: "59 s", 60 * time.Second: "1 min", 200 * time.Second: "3 min 20 s",
		2*time.Hour + 5*time.Minute: "2 h 5 min", 52 * time.Hour: "2 d 4 h",
	} {
		if got := span(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
	now := time.Now()
	for d, want := range map[time.Duration]string{
		0: "just now", -time.Second: "just now", 59 * time.Second: "59 s ago", 3 * time.Hour: "3 h ago", 47 * time.Hour: "47 h ago", 50 * time.Hour: "2 days ago",
		100 * 24 * time.Hour: "3 months ago", 800 * 24 * time.Hour: "2 years ago", -5 * time.Minute: "in 5 min",
	} {
		if got := ago(now.Add(-d), now); got != want {
			t.Errorf("%v before is %q, want %q", d, got, want)
		}
	}
	for name, want := range map[string]string{"plain": "plain", "a b": "a b", " ": `" "`, "a ": `"a "`, "\n": `\n`} {
		if got := nameText(name); got != want {
			t.Errorf("the name %q is shown as %s, want %s", name, got, want)
		}
	}
	if got := cpuList([]int{0, 1, 2, 5, 7, 8}); got != "0-2, 5, 7-8" {
		t.Errorf("got %q", got)
	}
}

// TestAskedAgainstUsed: the page of a job tells whether it asked for too much.
func TestAskedAgainstUsed(t *testing.T) {
	s := newSite(t)
	for name, asked := range map[string]int{"as-asked": 4, "lowered": 12} {
		path := s.job("QM_dJobs", name)
		s.write(path+"/proc_config.cfg", fmt.Sprintf("[QMOptions]\nscript : x\nmemory : 200M\nnb_proc : %d\n", asked))
		s.write(path+"/"+layout.RecordFile, `{"name":"x","nb_proc":4,"started":"2026-01-02T03:04:05Z","finished":"2026-01-02T03:05:45Z",`+
			`"outcome":"succeeded","exit_code":0,"cpu_seconds":130,"peak_memory_bytes":104857600}`)
	}
	for name, want := range map[string]string{"as-asked": "4 asked, 1.3 used", "lowered": "12 asked, 4 given, 1.3 used"} {
		body := s.do("GET", "/QM_dJobs/"+name+"/").Body.String()
		for _, text := range []string{want, "100 MiB of 200 MiB"} {
			if !strings.Contains(body, text) {
				t.Errorf("%s: no %q in\n%s", name, text, body)
			}
		}
	}
}
