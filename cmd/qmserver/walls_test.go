package main_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// moduleRoot is where go.mod lies, seen from this folder.
const moduleRoot = "../.."

// forbidden names what each command must not link: qmweb could start a
// process with os/exec, and net/http makes each start of qmserver 1.5 ms later.
var forbidden = map[string]string{"qmserver": "net/http", "qmweb": "os/exec"}

// linkFaults tells which packages the command links that its wall keeps out:
// of this module it may link its own and the two that both commands share.
func linkFaults(command string, packages []string) []string {
	var faults []string
	for _, p := range packages {
		own := p == "qm/cmd/"+command || strings.HasPrefix(p, "qm/cmd/"+command+"/")
		common := p == "qm/pkg/layout" || p == "qm/pkg/jobinfo"
		if strings.HasPrefix(p, "qm/") && !own && !common || p == forbidden[command] {
			faults = append(faults, fmt.Sprintf("%s links %s", command, p))
		}
	}
	return faults
}

func TestLinkedPackages(t *testing.T) {
	for _, goos := range []string{"linux", "darwin", "windows"} {
		for command := range forbidden {
			packages := linked(t, goos, command)
			if !slices.Contains(packages, "qm/cmd/"+command) || !slices.Contains(packages, "qm/pkg/layout") {
				t.Errorf("%s: go list tells neither %s itself nor what it shares: %q", goos, command, packages)
			}
			for _, fault := range linkFaults(command, packages) {
				t.Errorf("%s: %s", goos, fault)
			}
		}
	}
}

// linked asks the go command what it links into the command on that system.
func linked(t *testing.T, goos, command string) []string {
	t.Helper()
	list := exec.Command("go", "list", "-deps", "./cmd/"+command)
	list.Dir = moduleRoot
	list.Env = append(os.Environ(), "GOOS="+goos, "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=-mod=readonly")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("%s: %v", list, err)
	}
	return strings.Fields(string(out))
}

var (
	renaming = regexp.MustCompile(`^(Rename|MoveFile|SYS_RENAME)`)
	writing  = regexp.MustCompile(`^(Create(Temp)?|WriteFile|Mkdir(All|Temp)?|Remove(All)?|Rename|Symlink|Truncate|CopyFS` +
		`|L?[Cc]hown|Chmod|Chtimes|NewFile|StartProcess|SaveTo(Indent)?)$`)
	// harmless is what may be used of packages that speak to the kernel. To watch
	// a folder writes nothing, nor does what asks for its file system.
	harmless = regexp.MustCompile(`^(O_[A-Z]+|SIG[A-Z0-9]+|E[A-Z0-9]+|S_I[A-Z]+|Stat(_t)?|Win32FileAttributeData|Signal|Errno|Access|W_OK` +
		`|IN_[A-Z_]+|Inotify[A-Za-z0-9]+|SizeofInotifyEvent|Close|Read|F?[Ss]tatfs(_t)?|[A-Z0-9_]+_MAGIC|Handle|GetSecurityInfo|SE_FILE_OBJECT|OWNER_SECURITY_INFORMATION)$`)
	kernel   = []string{"syscall", "unix", "windows"}
	readOnly = []string{"O_RDONLY", "O_NONBLOCK", "O_NOFOLLOW", "O_CLOEXEC", "O_DIRECTORY", "NonBlock"}
)

// renameFaults tells where a file renames that may not: only the function
// that moves job folders and the one that replaces files do.
func renameFaults(name string, file *ast.File) []string {
	dir, base := path.Split(name)
	move, _ := path.Match("move*.go", base)
	replace, _ := path.Match("replace*.go", base)
	if dir == "cmd/qmserver/internal/disk/" && (move || replace) {
		return nil
	}
	return selected(file, func(_, member string) bool { return renaming.MatchString(member) })
}

// writeFaults tells where a file that may only read could write. It goes by
// names alone, so it also finds what is merely called as a writing function is.
func writeFaults(name string, file *ast.File) []string {
	if !strings.HasPrefix(name, "pkg/") && !strings.HasPrefix(name, "cmd/qmweb/") {
		return nil
	}
	faults := selected(file, func(of, member string) bool {
		return writing.MatchString(member) || slices.Contains(kernel, of) && !harmless.MatchString(member)
	})
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		switch {
		case !ok:
		case callee(call) == "OpenFile" && !onlyReads(call):
			faults = append(faults, "OpenFile with flags that may write")
		case callee(call) == "Link": // as a field it is a page's link
			faults = append(faults, "a call of Link")
		}
		return true
	})
	return faults
}

// selected returns the selectors of the file, such as os.Rename, that are bad.
func selected(file *ast.File, bad func(of, member string) bool) []string {
	var found []string
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			of, _ := s.X.(*ast.Ident)
			if of == nil {
				of = ast.NewIdent("…")
			}
			if bad(of.Name, s.Sel.Name) {
				found = append(found, of.Name+"."+s.Sel.Name)
			}
		}
		return true
	})
	return found
}

func callee(call *ast.CallExpr) string {
	if s, ok := call.Fun.(*ast.SelectorExpr); ok {
		return s.Sel.Name
	}
	return ""
}

// onlyReads looks at the flags of an OpenFile with flags and permissions; one
// with other arguments is another function.
func onlyReads(open *ast.CallExpr) bool {
	if len(open.Args) != 3 {
		return true
	}
	reads := true
	ast.Inspect(open.Args[1], func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			reads = reads && slices.Contains(readOnly, n.Sel.Name)
			return false
		case *ast.Ident:
			reads = reads && slices.Contains(readOnly, n.Name)
		case *ast.BasicLit, *ast.CallExpr:
			reads = false
		}
		return true
	})
	return reads
}

func TestSources(t *testing.T) {
	count := 0
	err := fs.WalkDir(os.DirFS(moduleRoot), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == "testdata" || len(name) > 1 && name[0] == '.') {
			return fs.SkipDir
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		count++
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(moduleRoot, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, fault := range renameFaults(name, file) {
			t.Errorf("%s renames: %s", name, fault)
		}
		for _, fault := range writeFaults(name, file) {
			t.Errorf("%s only reads, but: %s", name, fault)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if count < 10 {
		t.Errorf("%d source files were looked at", count)
	}
}

// topFaults tells which names of the top level have no place there.
func topFaults(names []string) []string {
	fixed := []string{"cmd", "pkg", "config", "testdata", "go.mod", "go.sum", "README.md"}
	return slices.DeleteFunc(names, func(name string) bool {
		return slices.Contains(fixed, name) || strings.HasPrefix(name, ".")
	})
}

func TestTopLevel(t *testing.T) {
	list := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard")
	list.Dir = moduleRoot
	out, err := list.Output()
	if err != nil {
		t.Skipf("not a git checkout: %v", err)
	}
	tops := make(map[string]bool)
	for name := range strings.Lines(string(out)) {
		top, _, _ := strings.Cut(strings.Trim(name, "\"\n"), "/")
		tops[top] = true
	}
	var names []string
	for top := range tops {
		names = append(names, top)
	}
	for _, name := range topFaults(names) {
		t.Errorf("%s: the top level holds cmd, pkg, config, testdata, go.mod, go.sum, README.md and dot files only", name)
	}
}

// Each wall is seen red here, so that a wall that fell over is noticed.
func TestWallsAreSeenRed(t *testing.T) {
	const diskFolder = "cmd/qmserver/internal/disk/"
	source := func(faults func(string, *ast.File) []string, name, body string) []string {
		file, err := parser.ParseFile(token.NewFileSet(), name, "package p\nfunc f() { "+body+" }", 0)
		if err != nil {
			t.Fatal(err)
		}
		return faults(name, file)
	}
	for what, c := range map[string]struct {
		faults []string
		want   string // empty: allowed
	}{
		"qmweb links qmserver's":    {linkFaults("qmweb", []string{"qm/cmd/qmserver/internal/disk"}), "qmweb links qm/cmd/qmserver/internal/disk"},
		"qmserver links qmweb's":    {linkFaults("qmserver", []string{"qm/cmd/qmweb/internal/page"}), "qmserver links qm/cmd/qmweb/internal/page"},
		"a third shared package":    {linkFaults("qmweb", []string{"qm/pkg/util"}), "qmweb links qm/pkg/util"},
		"a name that begins alike":  {linkFaults("qmweb", []string{"qm/cmd/qmweb2/x"}), "qmweb links qm/cmd/qmweb2/x"},
		"qmweb starts processes":    {linkFaults("qmweb", []string{"os/exec"}), "qmweb links os/exec"},
		"qmserver serves HTTP":      {linkFaults("qmserver", []string{"net/http"}), "qmserver links net/http"},
		"what may be linked":        {linkFaults("qmweb", []string{"net/http", "qm/pkg/layout", "qm/pkg/jobinfo", "qm/cmd/qmweb"}), ""},
		"os.Rename elsewhere":       {source(renameFaults, "cmd/qmserver/internal/spool/a.go", "os.Rename(a, b)"), "os.Rename"},
		"a method, as a value":      {source(renameFaults, "pkg/layout/a.go", "g := root.Rename; g(a, b)"), "root.Rename"},
		"of a call's result":        {source(renameFaults, "cmd/qmweb/main.go", "tree().Rename(a, b)"), "….Rename"},
		"renameat2":                 {source(renameFaults, "cmd/qmserver/main.go", "unix.Renameat2(a, b, c, d, e)"), "unix.Renameat2"},
		"Windows' move":             {source(renameFaults, "cmd/qmserver/main.go", "windows.MoveFileEx(a, b, c)"), "windows.MoveFileEx"},
		"by number":                 {source(renameFaults, "cmd/qmserver/main.go", "unix.Syscall(unix.SYS_RENAMEAT2, a, b, c)"), "unix.SYS_RENAMEAT2"},
		"another file of disk":      {source(renameFaults, diskFolder+"lock.go", "os.Rename(a, b)"), "os.Rename"},
		"the function that moves":   {source(renameFaults, diskFolder+"move_linux.go", "unix.Renameat2(a, b, c, d, e)"), ""},
		"the one that replaces":     {source(renameFaults, diskFolder+"replace.go", "root.Rename(a, b)"), ""},
		"os.Create":                 {source(writeFaults, "pkg/layout/a.go", "os.Create(a)"), "os.Create"},
		"os.WriteFile":              {source(writeFaults, "pkg/jobinfo/a.go", "os.WriteFile(a, b, c)"), "os.WriteFile"},
		"Root.MkdirAll":             {source(writeFaults, "cmd/qmweb/internal/snapshot/a.go", "tree.MkdirAll(a, b)"), "tree.MkdirAll"},
		"os.Remove":                 {source(writeFaults, "cmd/qmweb/main.go", "defer os.Remove(a)"), "os.Remove"},
		"Root.Link":                 {source(writeFaults, "cmd/qmweb/main.go", "tree.Link(a, b)"), "Link"},
		"a page's link":             {source(writeFaults, "cmd/qmweb/main.go", "page.Link = a"), ""},
		"ini.v1 saves":              {source(writeFaults, "pkg/jobinfo/a.go", "file.SaveTo(a)"), "file.SaveTo"},
		"a system call":             {source(writeFaults, "pkg/layout/a.go", "unix.Openat(a, b, c, d)"), "unix.Openat"},
		"opened for writing":        {source(writeFaults, "pkg/layout/a.go", "os.OpenFile(a, os.O_RDONLY|os.O_CREATE, 0)"), "OpenFile"},
		"flags that can't be told":  {source(writeFaults, "pkg/layout/a.go", "root.OpenFile(a, flags, 0)"), "OpenFile"},
		"flags as a number":         {source(writeFaults, "pkg/layout/a.go", "root.OpenFile(a, 2, 0)"), "OpenFile"},
		"opened for reading":        {source(writeFaults, "pkg/layout/a.go", "root.OpenFile(a, os.O_RDONLY|NonBlock, 0)"), ""},
		"our own OpenFile":          {source(writeFaults, "cmd/qmweb/main.go", "layout.OpenFile(root, a)"), ""},
		"signals and constants":     {source(writeFaults, "cmd/qmweb/main.go", "use(syscall.SIGTERM, syscall.ENOENT)"), ""},
		"qmserver writes":           {source(writeFaults, "cmd/qmserver/internal/spool/a.go", "os.WriteFile(a, b, c)"), ""},
		"a new folder at the top":   {topFaults([]string{"cmd", "internal"}), "internal"},
		"a binary left at the top":  {topFaults([]string{"go.mod", "qmserver"}), "qmserver"},
		"what the top level may be": {topFaults([]string{"cmd", "pkg", "config", "testdata", "go.mod", "go.sum", "README.md", ".ci", ".gitignore"}), ""},
	} {
		if got := strings.Join(c.faults, ", "); c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", what, got, c.want)
		}
	}
}
