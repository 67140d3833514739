package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"qm/cmd/qmweb/internal/config"
	"qm/cmd/qmweb/internal/page"
	"qm/cmd/qmweb/internal/snapshot"
	"qm/pkg/layout"
)

// rows returns what stands in backquotes in the first column of the README's
// table with this head.
func rows(t *testing.T, head string) []string {
	t.Helper()
	data, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(data), head+"\n")
	if !found {
		t.Fatalf("the README has no table %q", head)
	}
	table, _, _ = strings.Cut(table, "\n\n")
	var words []string
	for row := range strings.Lines(table) {
		cells := strings.SplitN(row, "|", 3)
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
			words = append(words, m[1])
		}
	}
	return words
}

// compare tells what the README lacks, and what it lists in vain.
func compare(t *testing.T, what string, listed, there []string) {
	t.Helper()
	if len(there) == 0 {
		t.Errorf("no %s is found", what)
	}
	for _, one := range there {
		if !slices.Contains(listed, one) {
			t.Errorf("the README does not list the %s %s", what, one)
		}
	}
	for _, one := range listed {
		if !slices.Contains(there, one) {
			t.Errorf("the README lists the %s %s, which is none", what, one)
		}
	}
}

func TestTheReadmeListsTheRoutes(t *testing.T) {
	var there []string
	for _, pattern := range page.Routes() {
		there = append(there, strings.NewReplacer("{folder}", "FOLDER", "{name}", "NAME", "{file}", "FILE", "*", "PATH").Replace(pattern))
	}
	compare(t, "route", rows(t, "| path | what |"), there)
}

func TestTheReadmeListsTheKeys(t *testing.T) {
	listed := rows(t, "Keys of `[WEB_QMserver]`:\n\n| key | default | meaning |")
	compare(t, "key", append(listed, "Delete_Jobs", "Licence_to_kill"), config.WebKeys())
}

func TestTheReadmeListsTheMetrics(t *testing.T) {
	tree := t.TempDir()
	if err := os.MkdirAll(filepath.Join(tree, layout.Own), 0o755); err != nil {
		t.Fatal(err)
	}
	beat := `{"started":"2026-01-02T03:04:05Z","load1":1,"disk_free":1,"disk_total":2}`
	if err := os.WriteFile(filepath.Join(tree, layout.HeartbeatFile), []byte(beat), 0o644); err != nil {
		t.Fatal(err)
	}
	site := page.New(page.Options{Store: snapshot.NewStore(tree, nil), Log: slog.New(slog.DiscardHandler), AllowedHosts: []string{"localhost"}})
	var text string
	for range 2 { // the first is counted in the second
		w := httptest.NewRecorder()
		site.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost/metrics", nil))
		text = w.Body.String()
	}
	var there []string
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (qm\w+) `).FindAllStringSubmatch(text, -1) {
		there = append(there, m[1])
	}
	compare(t, "metric", rows(t, "| metric | meaning |"), there)
}

func TestTheReadmeListsTheLogLines(t *testing.T) {
	var there []string
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if line, ok := logLine(n); ok && !slices.Contains(there, line) {
				there = append(there, line)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "log line", rows(t, "| qmweb's log line | level | meaning |"), there)
}

// messageAt is which argument of a method that logs is the message.
var messageAt = map[string]int{"Debug": 0, "Info": 0, "Warn": 0, "Error": 0, "LogAttrs": 2}

// logLine returns the message of a call such as log.Info("...", ...).
func logLine(n ast.Node) (string, bool) {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return "", false
	}
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return "", false
	}
	at, logs := messageAt[method.Sel.Name]
	if !logs || len(call.Args) <= at {
		return "", false
	}
	lit, ok := call.Args[at].(*ast.BasicLit)
	if !ok {
		return "", false
	}
	text, err := strconv.Unquote(lit.Value)
	return text, err == nil
}
