package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"qm/cmd/qmserver/internal/config"
)

// firstCells returns what stands in the first column of a table.
func firstCells(table string) []string {
	var cells []string
	for row := range strings.Lines(table) {
		if cell := strings.SplitN(row, "|", 3); len(cell) == 3 && !strings.HasPrefix(cell[1], "---") {
			cells = append(cells, strings.TrimSpace(cell[1]))
		}
	}
	return cells
}

// quoted returns what stands in backquotes.
func quoted(cells []string) []string {
	var words []string
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(strings.Join(cells, " "), -1) {
		words = append(words, m[1])
	}
	return words
}

func TestTheReadmeListsNoOtherKeys(t *testing.T) {
	parts := strings.Split(readme(t), "| key | default | meaning |\n")
	for i, part := range parts[1:] {
		if strings.HasSuffix(parts[i], "Keys of `[WEB_QMserver]`:\n\n") {
			continue
		}
		table, _, _ := strings.Cut(part, "\n\n")
		for _, name := range quoted(firstCells(table)) {
			if !slices.ContainsFunc(config.Keys, func(k config.Key) bool { return k.Name == name }) {
				t.Errorf("the README lists the key %s, which is none", name)
			}
		}
	}
}

func TestTheReadmeListsTheExitCodes(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "exit.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	ast.Inspect(file, func(n ast.Node) bool {
		if c, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(c.Names[0].Name, "exit") && len(c.Values) == 1 {
			codes = append(codes, c.Values[0].(*ast.BasicLit).Value)
		}
		return true
	})
	_, table, _ := strings.Cut(readme(t), "| exit code | of | meaning |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	if listed := firstCells(table); !slices.Equal(listed, codes) {
		t.Errorf("the README lists the exit codes %q, and there are %q", listed, codes)
	}
}

// blocks returns the README's blocks of code in this language, or all.
func blocks(t *testing.T, language string) []string {
	t.Helper()
	var found []string
	for _, m := range regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$").FindAllStringSubmatch(readme(t), -1) {
		if language == "" || m[1] == language {
			found = append(found, m[2])
		}
	}
	if len(found) == 0 {
		t.Fatalf("the README has no block of %s", language)
	}
	return found
}

func TestTheReadmesCommandsAreCommands(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("skipped without sh: the commands of the README")
	}
	for _, block := range blocks(t, "sh") {
		if out, err := exec.CommandContext(t.Context(), sh, "-n", "-c", block).CombinedOutput(); err != nil {
			t.Errorf("%v: %s\n%s", err, out, block)
		}
	}
	for _, block := range blocks(t, "") {
		for _, m := range regexp.MustCompile(`(?m)\bqmserver(?:\.exe)?((?: [^\s&|;>]+)+)`).FindAllStringSubmatch(block, -1) {
			for word := range strings.FieldsSeq(m[1]) {
				option := strings.Trim(word, "[]\"")
				if strings.HasPrefix(option, "-") && !regexp.MustCompile(`\Q`+option+`\E\b`).MatchString(usage) {
					t.Errorf("the README calls qmserver with %s, which is no option of its:\n%s", option, block)
				}
			}
		}
	}
}

// TestTheReadmesLineForOldJobs deletes what ended long ago, and nothing else.
func TestTheReadmesLineForOldJobs(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the line is for sh and find")
	}
	tree := t.TempDir()
	line := ""
	for _, block := range blocks(t, "sh") {
		for l := range strings.Lines(block) {
			if strings.HasPrefix(l, "find /srv/QM/QM_dJobs ") {
				line = strings.ReplaceAll(l, "/srv/QM", tree)
			}
		}
	}
	job := func(name, touch string) {
		dir := filepath.Join(tree, "QM_dJobs", name)
		script := fmt.Sprintf("mkdir -p '%s/sub'; cd '%[1]s'; echo x >process.log; echo x >sub/process.log; touch -t 200001010000 %s", dir, touch)
		if out, err := exec.CommandContext(t.Context(), "sh", "-euc", script).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	job("old", "process.log")
	job("old $(date) too", "process.log")
	job("young, of an old folder", ". sub/process.log")
	if out, err := exec.CommandContext(t.Context(), "sh", "-euc", line).CombinedOutput(); line == "" || err != nil || len(out) > 0 {
		t.Fatalf("%q: %v\n%s", line, err, out)
	}
	left, err := os.ReadDir(filepath.Join(tree, "QM_dJobs"))
	if err != nil || len(left) != 1 || left[0].Name() != "young, of an old folder" {
		t.Errorf("left: %v, %v", left, err)
	}
}
