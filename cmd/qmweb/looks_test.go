package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"qm/pkg/layout"
)

// looks are the pages to look at, by the tree that they show.
var looks = []struct {
	name  string
	fill  func(*tree)
	pages map[string]string // by the name of their picture
}{
	{"nothing", func(tr *tree) { tr.beat(tr.idle()) }, map[string]string{"status": "/", "done": "/?state=done", "lost": "/?state=lost", "stats": "/stats"}},
	{"missing", func(tr *tree) { tr.must(os.RemoveAll(tr.path)) }, map[string]string{"status": "/", "stats": "/stats"}},
	{"down", func(tr *tree) {
		tr.wait(nil, fake{name: "waits", owner: "anna@example.org", procs: 1})
		h := tr.server()
		h.Stopped = true
		tr.writeJSON(h, layout.HeartbeatFile)
	}, map[string]string{"status": "/"}},
	{"few", (*tree).few, map[string]string{
		"status": "/", "filter": "/?state=done&owner=ben%40example.org&outcome=failed", "none": "/?state=done&q=nosuchjob", "stats": "/stats",
		"running": "/QM_Jobs/fit_march_series/", "queued": "/QM_qJobs/fit_april_series/", "done": "/QM_dJobs/fit_february_series/",
		"failed": "/QM_dJobs/calibration/", "private": "/QM_Jobs/secret_sample/", "csv": "/stats?period=365d&by=day&owner=ben%40example.org", "timed-out": "/QM_dJobs/md_water_280K/", "lost": "/QM_lost+found/fit_typo/",
		"folder": "/QM_dJobs/fit_february_series/results/", "error": "/QM_dJobs/nosuchjob/",
	}},
	{"many", (*tree).many, map[string]string{"status": "/", "queued": "/?state=queued", "done": "/?state=done", "stats": "/stats"}},
	{"cluster", func(tr *tree) { tr.cluster(0) }, map[string]string{"status": "/", "waiting": "/QM_Jobs/render_shot_042/", "running": "/QM_Jobs/fit_march_series/"}},
	{"silent", func(tr *tree) { tr.cluster(3 * time.Minute) }, map[string]string{"status": "/", "job": "/QM_Jobs/fit_march_series/"}},
	{"hostile", (*tree).hostile, map[string]string{
		"status": "/", "job": "/QM_Jobs/" + layout.ID(hostileNames[0]) + "/", "long": "/QM_dJobs/" + layout.ID(hostileNames[1]) + "/",
		"lost": "/QM_lost+found/" + layout.ID(hostileNames[4]) + "/", "folder": "/QM_dJobs/" + layout.ID(hostileNames[1]) + "/sub/", "stats": "/stats",
	}},
	{"python", (*tree).python, map[string]string{"status": "/", "done": "/QM_dJobs/" + layout.ID("test_QM_2026-11-20 14:00:05") + "/", "stats": "/stats"}},
}

// axeFile names the variable that tells where axe.min.js of axe-core lies. It is
// under another licence and not part of this repository.
const axeFile = "QM_AXE"

// axeRun returns what axe finds wrong, in words.
const axeRun = `axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations.map(v => v.id + ": " + v.help + ": " + v.nodes.slice(0, 3).map(n => n.html + " " + n.failureSummary).join(" | ")))`

// Every page, with nothing, little, much and bad things to show, in both schemes,
// on a phone and on a screen: axe finds nothing, nothing is wider than the
// window, nothing is said on the console, and nothing asked of another origin.
// With QM_PICTURES set, pictures of all are left in the folder that it names.
func TestLooks(t *testing.T) {
	axe := readAxe(t)
	for _, l := range looks {
		t.Run(l.name, func(t *testing.T) {
			tr := newTree(t)
			l.fill(tr)
			tb := chromium.open(t, serveTree(t, tr))
			tb.expects("404 (Not Found)")
			for name, path := range l.pages {
				for _, scheme := range []string{"light", "dark"} {
					for _, width := range []int{390, 1280} {
						tb.look(width, scheme)
						tb.goTo(path)
						what := fmt.Sprintf("%s-%s-%s-%d", l.name, name, scheme, width)
						tb.inspect(what, axe)
						tb.picture(what)
					}
				}
				for _, width := range []int{320, 800, 1920} {
					tb.look(width, "light")
					tb.measure(fmt.Sprintf("%s-%s-%d", l.name, name, width))
				}
			}
		})
	}
}

func readAxe(t *testing.T) string {
	t.Helper()
	path := os.Getenv(axeFile)
	if path == "" {
		t.Logf("%s is not set: axe does not look at the pages", axeFile)
		return ""
	}
	code, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(code)
}

// serveTree runs qmweb for a tree until the test ends.
func serveTree(t *testing.T, tr *tree) string {
	t.Helper()
	address, _ := serveUntil(t, tr)
	return address
}

// serveUntil runs qmweb for a tree until stop is called, or the test ends.
func serveUntil(t *testing.T, tr *tree) (address string, stop func()) {
	t.Helper()
	c := testConfig(t)
	c.Tree, c.Prefix = tr.path, ""
	ctx, cancel := context.WithCancel(t.Context())
	address, ended := started(t, ctx, c)
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return address, stop
}

// measure sees to it that nothing is wider than the window, and no heading
// squeezed.
func (tb *tab) measure(what string) {
	tb.t.Helper()
	if narrow := eval[string](tb, `[...document.querySelectorAll("h1, h2")].filter(e => e.checkVisibility() && e.clientWidth < 64 && e.clientHeight > 64).map(e => e.outerHTML).join()`); narrow != "" {
		tb.t.Errorf("%s is squeezed: %s", what, narrow)
	}
	if wide := eval[string](tb, `(() => { const w = document.documentElement.clientWidth; if (document.documentElement.scrollWidth <= w) return "";
		return [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > w + 1).slice(0, 3).map(e => e.outerHTML.slice(0, 200)).join("\n") || "?"; })()`); wide != "" {
		tb.t.Errorf("%s is wider than the window:\n%s", what, wide)
	}
}

// inspect looks at the page as axe and as a ruler do.
func (tb *tab) inspect(what, axe string) {
	tb.t.Helper()
	tb.measure(what)
	if axe == "" {
		return
	}
	eval[chromedp.Void](tb, axe)
	for _, f := range eval[[]string](tb, axeRun) {
		tb.t.Errorf("%s: axe: %s", what, f)
	}
}

// picture leaves a picture of the whole page, if asked to.
func (tb *tab) picture(what string) {
	tb.t.Helper()
	dir := os.Getenv("QM_PICTURES")
	if dir == "" {
		return
	}
	png := act(tb, chromedp.FullScreenshot(100))
	if err := os.WriteFile(filepath.Join(dir, strings.ReplaceAll(what, "/", "_")+".png"), png, 0o644); err != nil {
		tb.t.Error(err)
	}
}
