package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"qm/pkg/layout"
)

// programsDir is where programs has built, for TestMain.
var programsDir string

// programs builds qmserver and qmweb once and returns their folder.
var programs = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "qm-programs")
	if err != nil {
		return "", err
	}
	programsDir = dir
	build := exec.Command("go", "build", "-buildvcs=false", "-o", dir+string(filepath.Separator), "./cmd/qmserver", "./cmd/qmweb")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		return dir, fmt.Errorf("%s: %w\n%s", build, err, out)
	}
	return dir, nil
})

// lab is a folder with the two real programs at work in it.
type lab struct {
	t   *testing.T
	dir string
	url string // of the pages
}

func newLab(t *testing.T) *lab {
	t.Helper()
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{t: t, dir: t.TempDir()}
	l.write("QMserv.cfg", "[QMServer]\nsettle_time : 0.2\nMaxNbProcessors : 2\n[WEB_QMserver]\nThe_Port : 0\nRefresh_Rate : 1\n")
	l.start(filepath.Join(dir, "qmserver"), "server.log")
	l.start(filepath.Join(dir, "qmweb"), "web.log")
	listening := regexp.MustCompile(`msg=listening url=(\S+)`)
	l.waitFor("qmweb to listen", func() bool {
		log, _ := os.ReadFile(filepath.Join(l.dir, "web.log"))
		if m := listening.FindSubmatch(log); m != nil {
			l.url = string(m[1])
		}
		return l.url != ""
	})
	l.waitFor("the tree", func() bool {
		_, err := os.Stat(filepath.Join(l.dir, "QM", "QM_qJobs"))
		return err == nil
	})
	return l
}

// start runs a program until the test ends.
func (l *lab) start(program, logName string) {
	l.t.Helper()
	log, err := os.Create(filepath.Join(l.dir, logName))
	if err != nil {
		l.t.Fatal(err)
	}
	cmd := exec.Command(program, "-config", "QMserv.cfg")
	cmd.Dir, cmd.Stdout, cmd.Stderr = l.dir, log, log
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // it may have ended
		_ = cmd.Wait()
		log.Close()
		if l.t.Failed() {
			text, _ := os.ReadFile(log.Name())
			l.t.Logf("%s:\n%s", logName, text)
		}
	})
}

func (l *lab) waitFor(what string, done func() bool) {
	l.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(patience); !done(); <-tick.C {
		if time.Now().After(until) {
			l.t.Fatalf("waited for %s", what)
		}
	}
}

func (l *lab) write(name, content string) {
	l.t.Helper()
	path := filepath.Join(l.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		l.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		l.t.Fatal(err)
	}
}

// open lets the job that waits at this gate go on.
func (l *lab) open(gate string) { l.write(gate, "") }

// gated is a job that prints, and stops at gates.
const gated = `# It stops at each gate until there is a file of that name beside the tree.
gate() { n=0; until [ -e "../../../$1" ] || [ $n -ge 1200 ]; do n=$((n+1)); sleep 0.05; done; }
i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo "line $i of the beginning"; done
printf '\033[31mred words\033[0m\n'
echo "processing 1 / 4"
gate one
printf 'processing 2 / 4\r'; printf 'processing 3 / 4 caf\303'; gate two; printf '\251\n'
gate three
echo "the last words"
exit 3
`

// What a user sees all day: a job arrives, runs and ends, and the page tells,
// without being loaded again; its log is followed to the end.
func TestLife(t *testing.T) {
	chromium.start(t)
	l := newLab(t)
	tb := chromium.open(t, l.url)
	tb.look(1280, "light")
	tb.goTo("/")
	tb.waitFor(`document.querySelector("#first") && document.title.startsWith("nothing runs")`)
	eval[chromedp.Void](tb, "window.stays = true")

	l.write("gated/job.sh", "#!/bin/sh\n#QM info: a gated job\n#QM e_mail: anna@example.org\n"+gated)
	if err := os.Rename(filepath.Join(l.dir, "gated"), filepath.Join(l.dir, "QM", "QM_qJobs", "gated")); err != nil {
		t.Fatal(err)
	}
	tb.waitFor(`document.querySelector("#running progress")?.value === 25`)
	tb.waitFor(`document.title.startsWith("1 running") && document.querySelector("link[rel=icon]").href.endsWith("/icon/1.svg")`)
	eval[chromedp.Void](tb, `document.querySelector("#running a.name").focus()`)
	l.open("one")
	tb.waitFor(`document.querySelector("#running progress").value === 75 && document.querySelector("#running .steps-done").innerText.includes("3 / 4")`)
	if !eval[bool](tb, `window.stays && document.activeElement.matches("#running a.name")`) {
		t.Error("the page was loaded again, or lost the focus")
	}

	tb.picture("life-status")
	tb.keys(kb.Enter)
	tb.waitFor(`location.pathname === "/QM_Jobs/gated/" && document.querySelectorAll("#lines > div").length > 300`)
	eval[chromedp.Void](tb, "window.stays = true")
	tb.waitFor(`document.querySelector("#lines > div:last-child").textContent === "processing 3 / 4 caf"`)
	if !eval[bool](tb, `[...document.querySelectorAll("#lines .f1")].some(e => e.textContent === "red words")`) {
		t.Error("the red words are not red")
	}
	if !eval[bool](tb, atEnd) {
		t.Error("the log does not stand at its end")
	}
	tb.picture("life-running")
	l.open("two")
	tb.waitFor(`document.querySelector("#lines > div:last-child").textContent === "processing 3 / 4 café"`)

	eval[chromedp.Void](tb, `document.querySelector("#log").scrollTop = 100`)
	tb.waitFor(`document.querySelector("#follow").ariaPressed === "false"`)
	l.open("three")
	tb.waitFor(`location.pathname === "/QM_dJobs/gated/" && document.querySelector("#state .badge").textContent === "failed"`)
	tb.waitFor(`[...document.querySelectorAll("#lines > div")].some(e => e.textContent === "the last words") && document.querySelector("#lines > div:last-child").textContent.endsWith("with code 3")`)
	if top := eval[float64](tb, `document.querySelector("#log").scrollTop`); top != 100 {
		t.Errorf("who reads is taken from where they were: at %v", top)
	}
	act(tb, chromedp.Click(chromedp.CSS("#follow")))
	tb.waitFor(atEnd)
	if !eval[bool](tb, `window.stays && document.title.includes("failed") && document.querySelector("#logsays").textContent.includes("complete")`) {
		t.Error("the page was loaded again, or does not tell the end")
	}
	tb.picture("life-ended")
	tb.goTo("/")
	tb.waitFor(`document.querySelector("#done td.what a")?.textContent === "gated" && document.title.includes("1 failed") && document.querySelector("link[rel=icon]").href.endsWith("/icon/idle-bad.svg")`)
}

const atEnd = `(() => { const l = document.querySelector("#log"); return l.scrollHeight - l.scrollTop - l.clientHeight < 2 && l.scrollTop > 0; })()`

// Without JavaScript the pages are complete, and load themselves again.
func TestWithoutScript(t *testing.T) {
	tr := newTree(t)
	tr.few()
	tb := chromium.open(t, serveTree(t, tr))
	call(tb, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	tb.goTo("/")
	for _, want := range []string{"fit_march_series", "42 %", "21 / 50", "about ", "waits for 4 processors", "its files changed", "fit_typo", "calibration", "code 3", "notes.txt"} {
		if !strings.Contains(tb.text(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if !eval[bool](tb, `!!document.querySelector("noscript meta[http-equiv=refresh][content]")`) {
		t.Error("the page does not load itself again")
	}
	act(tb, chromedp.SendKeys(chromedp.CSS("input[name=owner]"), "ben@example.org"+kb.Enter))
	tb.waitFor(`location.search.includes("owner=ben") && document.querySelectorAll("#done tbody tr").length === 3`)
	act(tb, chromedp.Click(chromedp.CSS("#done td.what a")))
	tb.waitFor(`location.pathname === "/QM_dJobs/calibration/"`)
	if !strings.Contains(tb.text(), "FileNotFoundError: lamp.dat") {
		t.Error("the page of the job lacks its log")
	}
	if eval[bool](tb, `[...document.querySelectorAll("button")].some(e => e.offsetParent)`) {
		t.Error("there are buttons that do nothing")
	}
	tb.goTo("/QM_Jobs/fit_march_series/")
	if !eval[bool](tb, `document.querySelector("#lines .f1") && document.querySelector("#lines > div:last-child").textContent.includes("21/50")`) {
		t.Error("the log lacks its colours or its end")
	}
}

// text is what a reader sees of the page.
func (tb *tab) text() string {
	tb.t.Helper()
	return eval[string](tb, "document.body.innerText")
}

// The filter works while one types, keeps what is typed, and can be linked; the
// pages behind it are turned.
func TestFilter(t *testing.T) {
	tr := newTree(t)
	tr.many()
	tb := chromium.open(t, serveTree(t, tr))
	tb.look(1280, "light")
	tb.goTo("/")
	tb.waitFor(`document.querySelectorAll("#done tbody tr").length === 100`)
	eval[chromedp.Void](tb, "window.stays = true")
	act(tb, chromedp.SendKeys(chromedp.CSS("input[name=q]"), "shot_299"))
	tb.waitFor(`document.querySelectorAll("#done tbody tr").length === 10 && location.search === "?q=shot_299"`)
	tb.keys("7")
	tb.waitFor(`document.querySelectorAll("#done tbody tr").length === 1 && document.activeElement.name === "q" && document.activeElement.value === "shot_2997"`)
	if !eval[bool](tb, `window.stays && document.querySelectorAll("#running li").length === 20`) {
		t.Error("the page was loaded again, or hides what runs")
	}
	eval[chromedp.Void](tb, `{ const s = document.querySelector("select[name=outcome]"); s.value = "failed"; s.dispatchEvent(new Event("input", {bubbles: true})); }`)
	tb.waitFor(`location.search.includes("outcome=failed")`)

	tb.goTo("/?state=done&outcome=failed")
	tb.waitFor(`[...document.querySelectorAll("#done tbody .badge")].every(e => e.textContent === "failed") && document.querySelectorAll("#done tbody tr").length === 100`)
	first := eval[string](tb, `document.querySelector("#done td.what a").textContent`)
	act(tb, chromedp.Click(chromedp.CSS("a[rel=next]")))
	tb.waitFor(fmt.Sprintf(`location.search.includes("after=") && document.querySelector("#done td.what a").textContent < %q`, first))
	act(tb, chromedp.Click(chromedp.CSS("a[rel=first]")))
	tb.waitFor(fmt.Sprintf(`document.querySelector("#done td.what a").textContent === %q`, first))
}

// With the keyboard alone one comes to the content at once, sees where one is,
// and scrolls a log.
func TestKeyboard(t *testing.T) {
	tr := newTree(t)
	tr.few()
	tr.add(fake{name: "long", owner: "ben@example.org", procs: 1, started: time.Minute, state: layout.Running, log: strings.Repeat("a line\n", 500)})
	tb := chromium.open(t, serveTree(t, tr))
	tb.look(1280, "dark")
	tb.goTo("/")
	tb.waitFor(`parseInt(getComputedStyle(document.body).backgroundColor.slice(4)) < 64`)
	tb.keys(kb.Tab)
	tb.waitFor(`document.activeElement.className === "skip" && document.activeElement.getBoundingClientRect().left >= 0`)
	tb.keys(kb.Enter)
	tb.waitFor(`document.activeElement.id === "content"`)
	for i := 0; ; i++ {
		tb.keys(kb.Tab)
		if !eval[bool](tb, `parseFloat(getComputedStyle(document.activeElement).outlineWidth) >= 2`) {
			t.Fatalf("one does not see where one is: %s", eval[string](tb, `document.activeElement.outerHTML.slice(0, 200)`))
		}
		if eval[bool](tb, `document.activeElement.textContent === "long"`) {
			break
		}
		if i > 20 {
			t.Fatal("no way to the first job")
		}
	}
	tb.keys(kb.Enter)
	tb.waitFor(`location.pathname === "/QM_Jobs/long/" && ` + atEnd)
	eval[chromedp.Void](tb, `document.querySelector("#log").focus()`)
	tb.press(kb.Home, `document.querySelector("#log").scrollTop === 0 && document.querySelector("#follow").ariaPressed === "false"`)
	tb.press(kb.End, atEnd+` && document.querySelector("#follow").ariaPressed === "true"`)
}

// A page that nobody sees asks for nothing; as soon as it is looked at again it
// is up to date.
func TestHidden(t *testing.T) {
	tr := newTree(t)
	tr.few()
	url := serveTree(t, tr)
	hidden, seen := chromium.open(t, url), chromium.open(t, url)
	hidden.goTo("/")
	hidden.waitFor(`document.querySelectorAll("#running li").length === 4`)
	const turn = `Object.defineProperty(document, "hidden", {value: %v, configurable: true}); document.dispatchEvent(new Event("visibilitychange"))`
	eval[chromedp.Void](hidden, fmt.Sprintf(turn, true))
	seen.goTo("/")
	before := len(hidden.requests())
	for i := range 3 {
		tr.add(fake{state: layout.Running, name: fmt.Sprintf("new_%d", i), procs: 1, log: "x\n"})
		seen.waitFor(fmt.Sprintf(`document.querySelectorAll("#running li").length === %d`, 5+i))
	}
	if n := len(hidden.requests()) - before; n > 1 { // one may have been under way
		t.Errorf("a page that nobody sees asked %d times", n)
	}
	eval[chromedp.Void](hidden, fmt.Sprintf(turn, false))
	hidden.waitFor(`document.querySelectorAll("#running li").length === 7`)
}
