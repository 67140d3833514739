package main

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"qm/pkg/layout"
)

// aged is a tree with a time of each kind: in seconds, minutes, hours, days,
// months, years, ahead, and of jobs that run.
func (tr *tree) aged() {
	tr.beat(tr.server())
	for _, age := range []time.Duration{0, 30 * time.Second, 150 * time.Second, 5 * time.Hour, 47 * time.Hour, 50 * time.Hour, 100 * 24 * time.Hour, 800 * 24 * time.Hour, -150 * time.Minute} {
		tr.add(fake{state: layout.Done, name: "ended" + age.String(), procs: 1, started: age + time.Minute, took: time.Minute, outcome: layout.Succeeded})
	}
	for _, age := range []time.Duration{0, 40 * time.Second, 130 * time.Second, 150 * time.Minute, 100 * time.Hour} {
		tr.add(fake{state: layout.Running, name: "runs" + age.String(), procs: 1, started: age, log: "step 5 / 8\n"})
	}
	tr.add(fake{state: layout.Running, name: "runs-slowly", procs: 1, started: 40 * time.Hour, log: "step 1 / 9\n"})
}

// The server and the script write the same words for times, and those of the
// script go on while nothing is sent.
func TestWordsAgree(t *testing.T) {
	tr := newTree(t)
	tr.aged()
	tb := chromium.open(t, serveTree(t, tr))
	tb.goTo("/")
	tb.waitFor(`fetch("/metrics").then(r => r.text()).then(t => window.unchanged = t.includes('qmweb_requests_total{code="304"}')) && window.unchanged`)
	const words = `(root => [...root.querySelectorAll("time, [data-left]")].map(e => e.textContent).join("|"))`
	tb.waitFor(`fetch(location.href).then(r => r.text()).then(t => window.byServer = ` + words + `(new DOMParser().parseFromString(t, "text/html"))) && window.byServer === ` + words + `(document)`)
	said := eval[string](tb, words+`(document)`)
	for _, part := range []string{"min ago", "5 h ago", "47 h ago", "2 days ago", "3 months ago", "2 years ago", "in 2 h", "2 min", "2 h 30 min", "4 d 4 h", "3 d 5 h", "about 1 h 30 min", "about 13 d 8 h", "a few seconds"} {
		if !strings.Contains(said, part) {
			t.Errorf("there is no %q in %s", part, said)
		}
	}
	tb.waitFor(words + `(document) !== window.byServer`)
}

// The statistics keep up by themselves, too.
func TestStatsKeepUp(t *testing.T) {
	tr := newTree(t)
	tr.few()
	tb := chromium.open(t, serveTree(t, tr))
	tb.goTo("/stats")
	tb.waitFor(`document.querySelector(".totals") && !document.body.innerText.includes("zoe@example.org")`)
	eval[chromedp.Void](tb, "window.stays = true")
	tr.add(fake{state: layout.Done, name: "zoe_1", owner: "zoe@example.org", procs: 2, started: time.Hour, took: 30 * time.Minute, outcome: layout.Succeeded})
	tb.waitFor(`window.stays && document.body.innerText.includes("zoe@example.org")`)
}
