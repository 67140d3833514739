package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is how long a test waits for what must come.
const patience = 60 * time.Second

// browser is a Chromium of its own, for all tests of this package.
type browser struct {
	once sync.Once
	ctx  context.Context
	err  error
	end  func()
}

var chromium browser

// TestMain ends the browser, if one was started, and clears away.
func TestMain(m *testing.M) {
	code := m.Run()
	if chromium.end != nil {
		chromium.end()
	}
	if programsDir != "" {
		_ = os.RemoveAll(programsDir) // in the folder for such
	}
	os.Exit(code)
}

// start starts Chromium at its first call. Tests that need it are skipped where
// there is none.
func (b *browser) start(t *testing.T) context.Context {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("skipped: there is no Chromium here")
	}
	b.once.Do(func() { b.launch(path) })
	if b.err != nil {
		t.Fatalf("start %s: %v", path, b.err)
	}
	return b.ctx
}

func (b *browser) launch(path string) {
	dir, err := os.MkdirTemp("", "qm-browser")
	if err != nil {
		b.err = err
		return
	}
	allocator, endAllocator := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(dir), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-component-update", true), chromedp.WSURLReadTimeout(patience))...)
	ctx, end := chromedp.NewContext(allocator)
	b.ctx, b.err = ctx, chromedp.Do(ctx)
	b.end = func() {
		_ = chromedp.Cancel(ctx) // it may have ended
		end()
		endAllocator()
		_ = os.RemoveAll(dir) // in the folder for such
	}
}

// tab is a page in the browser. What goes wrong in it, such as an error on its
// console or a request to another origin, fails the test at its end.
type tab struct {
	t      *testing.T
	ctx    context.Context
	origin string

	mu     sync.Mutex
	faults []string
	expect string   // what the console may say
	asked  []string // what was requested
}

// open opens a tab whose pages come from base.
func (b *browser) open(t *testing.T, base string) *tab {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	tb := &tab{t: t, origin: u.Scheme + "://" + u.Host}
	ctx, end := chromedp.NewContext(b.start(t), chromedp.WithListener(tb.event))
	tb.ctx = ctx
	if err := chromedp.Do(ctx); err != nil { // without a timeout, which would be that of the tab
		t.Fatal(err)
	}
	call(tb, network.Enable, network.EnableParams{})
	call(tb, log.Enable, cdp.Empty{})
	t.Cleanup(func() {
		end()
		tb.mu.Lock()
		defer tb.mu.Unlock()
		for _, f := range tb.faults {
			t.Error(f)
		}
	})
	return tb
}

func (tb *tab) event(e any) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	fault := func(format string, args ...any) {
		if f := fmt.Sprintf(format, args...); tb.expect == "" || !strings.Contains(f, tb.expect) {
			tb.faults = append(tb.faults, f)
		}
	}
	switch e := e.(type) {
	case *runtime.EventExceptionThrown:
		fault("exception: %s %+v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception)
	case *runtime.EventConsoleAPICalled:
		for _, a := range e.Args {
			fault("console: %s %s", a.Value, a.Description)
		}
	case *log.EventEntryAdded:
		fault("log: %s %s", e.Entry.Text, e.Entry.URL)
	case *network.EventRequestWillBeSent:
		u := e.Request.URL
		tb.asked = append(tb.asked, u)
		if !strings.HasPrefix(u, tb.origin+"/") && !strings.HasPrefix(u, "about:") {
			fault("request to another origin: %s", u)
		}
	}
}

// expects says what the console may say from now on.
func (tb *tab) expects(text string) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.expect = text
}

// requests returns what was requested so far.
func (tb *tab) requests() []string {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	return append([]string(nil), tb.asked...)
}

// act runs an action, which must succeed in time.
func act[T any](tb *tab, a chromedp.Action[T]) T {
	tb.t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		tb.t.Fatal(err)
	}
	return v
}

// call sends a command to the tab.
func call[P, R any](tb *tab, cmd cdp.Command[P, R], params P) {
	tb.t.Helper()
	if _, err := chromedp.Call(tb.ctx, cmd, params); err != nil {
		tb.t.Fatalf("%s: %v", cmd.Method, err)
	}
}

// eval returns the value of a JavaScript expression, or of its promise.
func eval[T any](tb *tab, expression string) T {
	tb.t.Helper()
	return act(tb, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// look sets the size of the window and the scheme, light or dark.
func (tb *tab) look(width int, scheme string) {
	tb.t.Helper()
	act(tb, chromedp.EmulateViewport(int64(width), 900))
	call(tb, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
}

// goTo loads a page.
func (tb *tab) goTo(path string) {
	tb.t.Helper()
	act(tb, chromedp.Navigate(tb.origin+path))
}

// keys types keys, as a user does.
func (tb *tab) keys(keys string) {
	tb.t.Helper()
	act(tb, chromedp.KeyEvent(keys))
}

// waitFor waits until a JavaScript expression is true, across loads of pages.
func (tb *tab) waitFor(expression string) {
	tb.t.Helper()
	tb.waitWith(expression, func() {})
}

// waitUntil waits until something is true.
func (tb *tab) waitUntil(done func() bool) {
	tb.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(patience); !done(); <-tick.C {
		if time.Now().After(until) {
			tb.t.Fatal("waited in vain")
		}
	}
}

// press presses a key until an expression is true: Chromium takes no key that
// scrolls while it still scrolls smoothly for the one before.
func (tb *tab) press(key, expression string) {
	tb.t.Helper()
	tb.waitWith(expression, func() { tb.keys(key) })
}

// waitWith does something before each look.
func (tb *tab) waitWith(expression string, before func()) {
	tb.t.Helper()
	until := time.Now().Add(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		before()
		ok, err := chromedp.Run(tb.ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		if err == nil && ok {
			return
		}
		if time.Now().After(until) {
			tb.t.Fatalf("waited for %s: %v\n%s", expression, err, eval[string](tb, `location.href + "\n" + document.activeElement.outerHTML.slice(0, 60) + " " + document.activeElement.value + " " + document.activeElement.scrollTop + " of " + document.activeElement.scrollHeight + " " + document.querySelector("#follow")?.ariaPressed + "\n" + document.body.innerText`))
		}
		<-tick.C
	}
}
