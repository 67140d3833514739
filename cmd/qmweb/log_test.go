package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"qm/pkg/layout"
)

// logTab is the page of a running job whose log the test writes.
type logTab struct {
	*tab
	path string
	tree *tree
}

func openLog(t *testing.T, content string) *logTab {
	t.Helper()
	tr := newTree(t)
	tr.beat(tr.server())
	tr.add(fake{state: layout.Running, name: "talks", owner: "anna@example.org", procs: 1, started: time.Minute, log: content})
	lt := &logTab{tab: chromium.open(t, serveTree(t, tr)), tree: tr, path: filepath.Join(tr.path, "QM_Jobs", "talks", layout.JobLog)}
	lt.look(1280, "light")
	lt.goTo("/QM_Jobs/talks/")
	lt.waitFor(`document.querySelector("#logsays").textContent && document.querySelector("#follow").hidden === false`)
	return lt
}

func (lt *logTab) append(content string) {
	lt.t.Helper()
	f, err := os.OpenFile(lt.path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		lt.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(content); err != nil {
		lt.t.Fatal(err)
	}
}

// last waits until the last line is this.
func (lt *logTab) last(line string) {
	lt.t.Helper()
	lt.waitFor(fmt.Sprintf(`document.querySelector("#lines > div:last-child").textContent === %q`, line))
}

func (lt *logTab) lines() []string {
	lt.t.Helper()
	return eval[[]string](lt.tab, `[...document.querySelectorAll("#lines > div")].map(e => e.textContent)`)
}

func numbered(from, to int) string {
	var b strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&b, "line %07d\n", i)
	}
	return b.String()
}

// What is printed in pieces is read whole: lines, characters, escape sequences,
// and lines that are written over.
func TestLogPieces(t *testing.T) {
	lt := openLog(t, "first\n\x1b[3")
	for _, step := range [][2]string{
		{"2mgreen\x1b[0", "green"}, {"m, plain ca", "green, plain ca"}, {"f\xc3", "green, plain caf"}, {"\xa9", "green, plain café"},
		{"\r 1%", " 1%"}, {"\r 2%\r", " 2%"}, {"\r\x1b[K100%\r\ndone\n", "done"}, {"\xff\xfe|", "\ufffd\ufffd|"},
		{"\x1b]0;title\x07\x1b[2J\u202e.\x08", "\ufffd\ufffd|."}, {"<b onclick=alert(1)>\n", "\ufffd\ufffd|.<b onclick=alert(1)>"},
	} {
		lt.append(step[0])
		lt.last(step[1])
	}
	if got, want := strings.Join(lt.lines(), "/"), "first/100%/done/\ufffd\ufffd|.<b onclick=alert(1)>"; got != want {
		t.Errorf("the log is %q, want %q", got, want)
	}
}

// The server and the script show the same log.
func TestLogAgrees(t *testing.T) {
	lt := openLog(t, colours()+"x\ry\n\x1b[31mred\nstill red\x1b[0m\n\x1b[48;5;22m\x1b[7minverse\x1b[m\ttab \x1b(B end\n\n\x1b[1m  1%\r\x1b[0m  2%\r")
	lt.last("  2%")
	const inner = `[...document.querySelectorAll("#lines > div")].map(e => e.innerHTML).join("\n")`
	byScript := eval[string](lt.tab, inner)
	byServer := eval[string](lt.tab, `fetch(location.href).then(r => r.text()).then(t => [...new DOMParser().parseFromString(t, "text/html").querySelectorAll("#lines > div")].map(e => e.innerHTML).join("\n"))`)
	if byScript != byServer {
		t.Errorf("the script shows\n%s\nand the server\n%s", byScript, byServer)
	}
}

// A long log opens at its end; what was before is loaded when asked for, and
// who reads it stays where they are. Not more than some thousand lines are kept.
func TestLogLong(t *testing.T) {
	const n = 120_000
	lt := openLog(t, numbered(0, n))
	lt.last(fmt.Sprintf("line %07d", n-1))
	if got := len(lt.lines()); got < 3000 || got > 4500 {
		t.Errorf("it opens with %d lines", got)
	}
	if got := len(lt.requests()); got > 10 {
		t.Errorf("it asked %d times", got)
	}
	first := lt.lines()[0]
	eval[chromedp.Void](lt.tab, `document.querySelector("#log").scrollTop = 0`)
	lt.waitFor(`document.querySelector("#follow").ariaPressed === "false"`)
	act(lt.tab, chromedp.Click(chromedp.CSS("#earlier")))
	lt.waitFor(fmt.Sprintf(`document.querySelector("#lines > div").textContent !== %q`, first))
	lines := lt.lines()
	if len(lines) > 4000 {
		t.Errorf("it keeps %d lines", len(lines))
	}
	for i := 1; i < len(lines); i++ {
		if lines[i] <= lines[i-1] {
			t.Fatalf("%q follows on %q", lines[i], lines[i-1])
		}
	}
	lt.append("the newest\n")
	act(lt.tab, chromedp.Click(chromedp.CSS("#follow")))
	lt.last("the newest")
	lt.waitFor(atEnd)
	lt.append(numbered(0, 300_000)) // more than it takes at once
	lt.last("line 0299999")
	if got := len(lt.lines()); got > 5000 {
		t.Errorf("it keeps %d lines", got)
	}
}

// A line that never ends, as progress bars print it, costs no more than a line.
func TestLogEndless(t *testing.T) {
	lt := openLog(t, "begin\n")
	for round := range 5 {
		lt.append(strings.Repeat("\r"+strings.Repeat("#", 60), 4000) + fmt.Sprintf("\rround %d", round))
		lt.last(fmt.Sprintf("round %d", round))
	}
	lt.append("\nend\n")
	lt.last("end")
	if got := strings.Join(lt.lines(), "/"); got != "begin/round 4/end" {
		t.Errorf("the log is %q", got)
	}
}

// A log that shrinks, is replaced or goes away is shown as it then is.
func TestLogShrinks(t *testing.T) {
	lt := openLog(t, numbered(0, 500))
	lt.last("line 0000499")
	lt.tree.write("anew\n", "QM_Jobs", "talks", layout.JobLog)
	lt.last("anew")
	if got := strings.Join(lt.lines(), "/"); got != "The log began anew./anew" {
		t.Errorf("the log is %q", got)
	}
	lt.append("goes on\n")
	lt.last("goes on")
	lt.expects("404")
	if err := os.RemoveAll(filepath.Dir(lt.path)); err != nil {
		t.Fatal(err)
	}
	lt.waitFor(`document.querySelector("h1").textContent === "Not found"`)
	lt.tree.add(fake{state: layout.Running, name: "talks", procs: 1, started: time.Second, log: "it is back\n"})
	lt.waitFor(`document.querySelector("#lines > div:last-child")?.textContent === "it is back"`)
}

// When qmweb is gone the page says so, and of when it is what it shows.
func TestUnreachable(t *testing.T) {
	tr := newTree(t)
	tr.few()
	url, stop := serveUntil(t, tr)
	tb := chromium.open(t, url)
	tb.goTo("/")
	tb.waitFor(`document.querySelectorAll("#running li").length === 4`)
	tb.expects("ERR_CONNECTION_REFUSED")
	stop()
	tb.waitFor(`document.querySelector("#link").textContent.includes("does not answer")`)
	if !eval[bool](tb, `document.querySelectorAll("#running li").length === 4`) {
		t.Error("what was known is gone")
	}
}

// Who reads what was before stays there, whatever is printed, and the log goes
// on when they follow again.
func TestLogReading(t *testing.T) {
	lt := openLog(t, numbered(0, 20_000))
	lt.last("line 0019999")
	eval[chromedp.Void](lt.tab, `document.querySelector("#log").scrollTop = 0`)
	lt.waitFor(`document.querySelector("#follow").ariaPressed === "false"`)
	act(lt.tab, chromedp.Click(chromedp.CSS("#earlier")))
	lt.waitFor(`document.querySelector("#earlier").hidden && document.querySelector("#lines > div").textContent === "line 0000000"`)
	eval[chromedp.Void](lt.tab, `document.querySelector("#log").scrollTop = 300`)
	lt.append(numbered(20_000, 120_000))
	asked := len(lt.requests())
	lt.waitUntil(func() bool { return len(lt.requests()) > asked+2 })
	if top := eval[float64](lt.tab, `document.querySelector("#log").scrollTop`); top != 300 || lt.lines()[0] != "line 0000000" {
		t.Errorf("who reads is taken away: to %v, %q", top, lt.lines()[0])
	}
	act(lt.tab, chromedp.Click(chromedp.CSS("#follow")))
	lt.last("line 0119999")
	lt.append("the newest\n")
	lt.last("the newest")
}
