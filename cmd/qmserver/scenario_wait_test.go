package main_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience bounds every wait; it is long because the machine may be busy.
const patience = 40 * time.Second

// eventually asks until the answer is yes.
func eventually(ts *testscript.TestScript, what string, ask func() bool) {
	for end := time.Now().Add(patience); !ask(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			ts.Fatalf("waited %s in vain: %s", patience, what)
		}
	}
}

func cmdWaitFor(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) > 0, "waitfor GLOB...")
	for _, pattern := range args {
		eventually(ts, "for "+pattern, func() bool { return len(matches(ts, pattern)) > 0 })
	}
}

func cmdWaitGone(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) > 0, "waitgone GLOB...")
	for _, pattern := range args {
		eventually(ts, "until gone: "+pattern, func() bool { return len(matches(ts, pattern)) == 0 })
	}
}

func cmdWaitGrep(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "waitgrep REGEXP GLOB")
	line, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	eventually(ts, fmt.Sprintf("for %q in %s", args[0], args[1]), func() bool {
		return slices.ContainsFunc(matches(ts, args[1]), func(name string) bool {
			data, err := os.ReadFile(name) // may just be moved away
			return err == nil && line.Match(data)
		})
	})
}

func matches(ts *testscript.TestScript, pattern string) []string {
	names, err := filepath.Glob(ts.MkAbs(pattern))
	ts.Check(err)
	return names
}

var address = regexp.MustCompile(`listening.*?(http://[^\s"/]+)`)

func cmdListening(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "listening NAME")
	eventually(ts, "for the address in "+args[0]+".log", func() bool {
		m := address.FindStringSubmatch(ts.ReadFile(args[0] + ".log"))
		if m != nil {
			ts.Setenv("QMWEB", m[1])
		}
		return m != nil
	})
}

func cmdGet(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 1 {
		args = append([]string{"200"}, args...)
	}
	usage(ts, neg, len(args) == 2, "get [CODE] PATH")
	cmdAsk(ts, neg, append([]string{http.MethodGet}, args...))
}

func cmdAsk(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 3, "ask METHOD CODE PATH")
	status, body := request(ts, args[0], args[2])
	fmt.Fprint(ts.Stdout(), body)
	if want := number(ts, args[1]); status != want {
		ts.Fatalf("%s %s answers %d, want %d", args[0], args[2], status, want)
	}
}

func cmdWaitGet(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "waitget REGEXP PATH")
	line, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	var status int
	var body string
	eventually(ts, fmt.Sprintf("for %q in %s", args[0], args[1]), func() bool {
		status, body = request(ts, http.MethodGet, args[1])
		return status == http.StatusOK && line.MatchString(body)
	})
	fmt.Fprint(ts.Stdout(), body)
}

// request asks qmweb, following redirects, for what lies under the path.
func request(ts *testscript.TestScript, method, path string) (status int, body string) {
	if ts.Getenv("QMWEB") == "" {
		ts.Fatalf("$QMWEB is not set: listening first")
	}
	request, err := http.NewRequest(method, ts.Getenv("QMWEB")+path, nil)
	ts.Check(err)
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	ts.Check(err)
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	ts.Check(err)
	return response.StatusCode, string(data)
}
