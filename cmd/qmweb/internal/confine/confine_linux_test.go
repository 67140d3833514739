package confine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"qm/pkg/layout"
)

// twin is set in a process of this test that confines itself.
const twin = "QM_CONFINE_TWIN"

func TestMain(m *testing.M) {
	if tree := os.Getenv(twin); tree != "" {
		os.Exit(confined(tree))
	}
	os.Exit(m.Run())
}

// confined is the twin: it tells what it can do in and beside the tree.
func confined(tree string) int {
	version, folders, err := Confine(tree, filepath.Join(filepath.Dir(filepath.Dir(tree)), "conf", "passwords"))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("version", version > 0, "folders", len(folders))
	try := func(what string, err error) { fmt.Println(what, errors.Is(err, fs.ErrPermission), err == nil) }
	read := func(path string) error {
		_, err := os.ReadFile(path)
		return err
	}
	root := filepath.Dir(filepath.Dir(tree))
	try("read job", read(filepath.Join(tree, "QM_dJobs", "a", "x")))
	try("read password", read(filepath.Join(root, "conf", "passwords")))
	try("read accounts", read("/etc/passwd"))
	try("read other", read(filepath.Join(root, "other")))
	try("list other", func() error { _, err := os.ReadDir(root); return err }())
	try("write", os.WriteFile(filepath.Join(tree, "QM_dJobs", "a", "x"), []byte("y"), 0o600))
	try("create", os.WriteFile(filepath.Join(tree, "new"), nil, 0o600))
	try("mkdir", os.Mkdir(filepath.Join(tree, "newdir"), 0o700))
	try("remove", os.Remove(filepath.Join(tree, "QM_dJobs", "a", "x")))
	try("rename", os.Rename(filepath.Join(tree, "QM_dJobs", "a"), filepath.Join(tree, "QM_qJobs", "a")))
	if version >= 3 { // before that Landlock lets it
		try("truncate", os.Truncate(filepath.Join(tree, "QM_dJobs", "a", "x"), 0))
	}
	return 0
}

// A process that confined itself reads the tree and what it was told, and
// writes nowhere, whoever it runs as.
func TestConfine(t *testing.T) {
	root := t.TempDir()
	tree := filepath.Join(root, "lab", "QM")
	for path, text := range map[string]string{
		filepath.Join(tree, "QM_dJobs", "a", "x"): "the job's",
		filepath.Join(tree, "QM_qJobs", "b", "x"): "",
		filepath.Join(root, "conf", "passwords"):  "",
		filepath.Join(root, "other"):              "",
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), twin+"="+tree)
	out, err := cmd.Output()
	if strings.Contains(string(out), ErrNoLandlock.Error()) {
		t.Skip(ErrNoLandlock)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"version true folders 2", "read job false true", "read password false true", "read accounts false true",
		"read other true false", "list other true false", "write true false", "create true false", "mkdir true false",
		"remove true false",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("want %q:\n%s", want, out)
		}
	}
	for _, wrong := range []string{"rename false true", "truncate false true"} {
		if strings.Contains(string(out), wrong) {
			t.Errorf("got %q:\n%s", wrong, out)
		}
	}
	if data, err := os.ReadFile(filepath.Join(tree, "QM_dJobs", "a", "x")); err != nil || string(data) != "the job's" {
		t.Errorf("the job's file: %q, %v", data, err)
	}
}

func TestWritable(t *testing.T) {
	tree := filepath.Join(t.TempDir(), "QM")
	if got, err := Writable(tree); !errors.Is(err, fs.ErrNotExist) || len(got) != 0 || Root() != (os.Geteuid() == 0) {
		t.Errorf("of no tree: %q, %v", got, err)
	}
	if err := os.MkdirAll(filepath.Join(tree, layout.Done.Folder()), 0o755); err != nil {
		t.Fatal(err)
	}
	want := []string{tree, filepath.Join(tree, layout.Done.Folder())}
	if got, err := Writable(tree); err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v", got, err)
	}
	if Root() {
		t.Skip("root may write everywhere")
	}
	if err := os.Chmod(filepath.Join(tree, layout.Done.Folder()), 0o555); err != nil {
		t.Fatal(err)
	}
	if got, err := Writable(tree); err != nil || !slices.Equal(got, want[:1]) {
		t.Errorf("got %q, %v", got, err)
	}
}
