package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"qm/cmd/qmserver/internal/config"
)

func readme(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestTheReadmeListsTheLogLines: all of them, and none that is no more.
func TestTheReadmeListsTheLogLines(t *testing.T) {
	logged := make(map[string]bool)
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if line, ok := logLine(n); ok {
				logged[line] = true
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	text := readme(t)
	_, table, _ := strings.Cut(text, "| log line | level | meaning |")
	table, _, _ = strings.Cut(table, "\n\n")
	listed := make(map[string]bool)
	for row := range strings.Lines(table) {
		cells := strings.SplitN(row, "|", 3)
		if len(cells) < 3 {
			continue
		}
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[1], -1) {
			listed[m[1]] = true
		}
	}
	for line := range logged {
		if !listed[line] {
			t.Errorf("the README does not list the log line %q", line)
		}
	}
	for line := range listed {
		if !logged[line] {
			t.Errorf("the README lists the log line %q, which is none", line)
		}
	}
}

// logLine returns the message of a call such as log.Info("...", ...).
func logLine(n ast.Node) (string, bool) {
	call, ok := n.(*ast.CallExpr)
	if !ok || len(call.Args) == 0 {
		return "", false
	}
	method, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !regexp.MustCompile(`^(Debug|Info|Warn|Error)$`).MatchString(method.Sel.Name) {
		return "", false
	}
	lit, ok := call.Args[0].(*ast.BasicLit)
	if !ok {
		return "", false
	}
	text, err := strconv.Unquote(lit.Value)
	return text, err == nil
}

func TestTheReadmeListsTheKeys(t *testing.T) {
	text := readme(t)
	for _, k := range config.Keys {
		if !strings.Contains(text, "`"+k.Name+"`") {
			t.Errorf("the README does not list the key %s", k.Name)
		}
	}
}
