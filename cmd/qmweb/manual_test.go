package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"qm/pkg/layout"
)

func readFile(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestTheReadmeListsTheExitCodes(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "main.go", nil, 0)
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
	var listed []string
	for _, m := range regexp.MustCompile("(?m)^\\| (\\d+) \\| (?:both|`qmweb`) \\|").FindAllStringSubmatch(readFile(t, "../../README.md"), -1) {
		listed = append(listed, m[1])
	}
	if !slices.Equal(listed, codes) {
		t.Errorf("the README lists the exit codes %q, and there are %q", listed, codes)
	}
}

func TestTheReadmesCommandsAreCommands(t *testing.T) {
	var options []string
	for _, m := range regexp.MustCompile(`flag\.\w+\("([\w-]+)"`).FindAllStringSubmatch(readFile(t, "main.go"), -1) {
		options = append(options, m[1])
	}
	calls := regexp.MustCompile("(?m)\\bqmweb(?:\\.exe)?((?: [^\\s&|;>`]+)+)").FindAllStringSubmatch(readFile(t, "../../README.md"), -1)
	tried := 0
	for _, m := range calls {
		for word := range strings.FieldsSeq(m[1]) {
			option := strings.Trim(word, `[]"`)
			if !strings.HasPrefix(option, "-") {
				continue
			}
			tried++
			if !slices.Contains(options, option[1:]) {
				t.Errorf("the README calls qmweb with %s, and there are %q", option, options)
			}
		}
	}
	if tried == 0 {
		t.Error("the README calls qmweb with no option")
	}
}

// TestTheReadmeShowsTheJSON: all that the API tells, and nothing that it does not.
func TestTheReadmeShowsTheJSON(t *testing.T) {
	_, section, _ := strings.Cut(readFile(t, "../../README.md"), "### JSON\n")
	section, _, _ = strings.Cut(section, "\n### ")
	var there []string
	for _, file := range []string{"api.go", "apistats.go", "failure.go"} {
		for _, m := range regexp.MustCompile("json:\"([a-z0-9_-]+)").FindAllStringSubmatch(readFile(t, "internal/page/"+file), -1) {
			there = append(there, m[1])
		}
	}
	there = append(there, "arriving", "unknown")
	for _, state := range layout.States {
		there = append(there, state.String())
	}
	for _, o := range layout.Outcomes {
		there = append(there, string(o))
	}
	var shown []string
	for _, m := range regexp.MustCompile("\"([a-z0-9_-]+)\":").FindAllStringSubmatch(section, -1) {
		shown = append(shown, m[1])
	}
	for _, name := range there {
		if !slices.Contains(shown, name) {
			t.Errorf("the README does not show %q", name)
		}
	}
	for _, name := range shown {
		if !slices.Contains(there, name) {
			t.Errorf("the README shows %q, which the API does not tell", name)
		}
	}
}
