package main_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// packagesVar asks for the tests of all packages under wine.
const packagesVar = "QM_WINE_PACKAGES"

// notUnderWine are tests that wine 8 can't run, and why.
var notUnderWine = map[string]string{
	"TestOpenJobFollowsNoLink": "it opens no link as such",
	"TestReadFileLinks":        "it opens no link as such",
	"TestNoWayOut":             "it opens no link as such",
	"TestLinkedInfoFiles":      "it opens no link as such",
	"TestEditedInfo":           "it looks at files too slowly",
	"TestALongQueue":           "it starts programs too slowly",
}

// TestWinePackages runs the tests of the packages, built for Windows, but those
// of the programs themselves, which start the go command.
func TestWinePackages(t *testing.T) {
	if os.Getenv(packagesVar) == "" {
		t.Skipf("skipped without %s=1: the tests of all packages under wine, some minutes", packagesVar)
	}
	w := newWine(t)
	overlay := wineOverlay(t)
	var skip []string
	for name := range notUnderWine {
		skip = append(skip, "^"+name+"$")
	}
	for _, p := range packages(t) {
		t.Run(strings.TrimPrefix(p.ImportPath, "qm/"), func(t *testing.T) {
			program := filepath.Join(w.programs, strings.ReplaceAll(p.ImportPath, "/", "_")+".exe")
			build := exec.CommandContext(t.Context(), "go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", program, p.ImportPath)
			build.Env = windowsEnv()
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("build: %v\n%s", err, out)
			}
			skipped := strings.Join(skip, "|")
			text, err := w.try(t, p.Dir, "wine", program, "-test.short", "-test.skip", skipped)
			if err == nil {
				return
			}
			again := failedTests(text)
			if len(again) == 0 || !strings.Contains(text, "TempDir RemoveAll cleanup: ") {
				t.Fatalf("%v\n%s", err, text)
			}
			t.Logf("%s: once more, for wine frees the name of a removed file only some time later:\n%s", again, text)
			w.run(t, p.Dir, "wine", program, "-test.short", "-test.skip", skipped, "-test.run", "^("+strings.Join(again, "|")+")$")
		})
	}
}

// failedTests are those that the output of a test program names, without what
// is below them.
func failedTests(output string) (names []string) {
	for _, m := range regexp.MustCompile(`(?m)^--- FAIL: (\S+)`).FindAllStringSubmatch(output, -1) {
		names = append(names, m[1])
	}
	return names
}

func windowsEnv() []string {
	return append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
}

type goPackage struct {
	ImportPath, Dir           string
	TestGoFiles, XTestGoFiles []string
}

// packages are those that have tests on Windows.
func packages(t *testing.T) []goPackage {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Dir,TestGoFiles,XTestGoFiles", "./...")
	list.Dir, list.Env = "../..", windowsEnv()
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []goPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var p goPackage
		if err := d.Decode(&p); err != nil {
			t.Fatal(err)
		}
		if len(p.TestGoFiles)+len(p.XTestGoFiles) > 0 && p.ImportPath != "qm/cmd/qmserver" && p.ImportPath != "qm/cmd/qmweb" {
			all = append(all, p)
		}
	}
	return all
}

// wineOverlay has the go command build its own library so that it removes files
// under wine 8: what it tries first is answered there as not implemented, and
// only other refusals make it try what every Windows can do.
func wineOverlay(t *testing.T) string {
	t.Helper()
	root, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	const tried, notImplemented = "STATUS_NOT_SUPPORTED:", "STATUS_NOT_SUPPORTED, NTStatus(0xC0000002):"
	source := filepath.Join(strings.TrimSpace(string(root)), "src/internal/syscall/windows/at_windows.go")
	text, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), tried) {
		t.Skip("skipped: this Go removes files in another way than wine 8 is known to need")
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "at_windows.go"), strings.Replace(string(text), tried, notImplemented, 1))
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{source: filepath.Join(dir, "at_windows.go")}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "overlay.json"), string(overlay))
	return filepath.Join(dir, "overlay.json")
}
