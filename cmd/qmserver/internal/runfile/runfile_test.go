package runfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/pkg/layout"
)

func openDir(t *testing.T) *os.Root {
	t.Helper()
	dir, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	return dir
}

func line(e Event, inode uint64) Line {
	l := Line{Event: e, At: time.Now(), Identity: disk.Identity{Inode: inode, Birth: 7}, JobID: "j"}
	if e == Ended {
		code := 3
		l.End = &End{Outcome: layout.Failed, ExitCode: &code}
	}
	return l
}

func create(t *testing.T, dir *os.Root, lines ...Line) *File {
	t.Helper()
	f, err := Create(dir, "r")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	for _, l := range lines {
		if err := f.Append(l); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func TestTheLastLineOfAFolderCounts(t *testing.T) {
	dir := openDir(t)
	f := create(t, dir, line(Starting, 1), line(Ended, 1), line(Starting, 2), line(Ended, 2))
	run, err := Read(dir, "r")
	if err != nil {
		t.Fatal(err)
	}
	if !run.Held {
		t.Error("held by us and said to be free")
	}
	got := run.Last[disk.Identity{Inode: 1, Birth: 7}]
	if got.Event != Ended || got.Outcome != layout.Failed || *got.ExitCode != 3 || got.Signal != nil {
		t.Errorf("last line of 1 is %+v", got)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if run, err = Read(dir, "r"); err != nil || run.Held {
		t.Errorf("after its end: held %v, %v", run.Held, err)
	}
}

func TestALineWithoutItsBreakDoesNotCount(t *testing.T) {
	dir := openDir(t)
	f := create(t, dir, line(Starting, 1))
	if _, err := f.OS().WriteString(`{"event":"ended","inode":1,"birth":7,"outcome":"succ`); err != nil {
		t.Fatal(err)
	}
	f.Close()
	run, err := Read(dir, "r")
	if err != nil {
		t.Fatal(err)
	}
	id := disk.Identity{Inode: 1, Birth: 7}
	if got := run.Last[id].Event; got != Starting {
		t.Errorf("says %q, want %q", got, Starting)
	}
	// What is appended after a cut line must not be glued to it.
	if err := Release(dir, "r", id, 2); err != nil {
		t.Fatal(err)
	}
	if run, err = Read(dir, "r"); err != nil || run.Last[id].Event != Released {
		t.Errorf("after release: %+v, %v", run.Last[id], err)
	}
}

func TestReleaseLeavesAloneWhatIsBeingWritten(t *testing.T) {
	dir := openDir(t)
	f := create(t, dir, line(Ended, 1))
	if _, err := f.OS().WriteString(`{"event":"star`); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(filepath.Join(dir.Name(), "r"))
	if err != nil {
		t.Fatal(err)
	}
	if err := mend(dir, "r"); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(filepath.Join(dir.Name(), "r"))
	if err != nil || !os.SameFile(before, after) || before.Size() != after.Size() {
		t.Errorf("a held file was mended (%v)", err)
	}
}

func TestUnreadable(t *testing.T) {
	for what, content := range map[string]string{
		"no JSON":              "starting\n",
		"unknown event":        `{"event":"begun","inode":1,"birth":7}` + "\n",
		"an end of no outcome": `{"event":"ended","inode":1,"birth":7}` + "\n",
		"zeros of a power cut": strings.Repeat("\x00", 100) + "\n",
	} {
		dir := openDir(t)
		if err := dir.WriteFile("r", []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if run, err := Read(dir, "r"); err == nil {
			t.Errorf("%s: read as %+v", what, run)
		}
	}
}

func TestCreateReplacesNothing(t *testing.T) {
	dir := openDir(t)
	create(t, dir, line(Starting, 1))
	if _, err := Create(dir, "r"); err == nil {
		t.Error("a run file was made anew")
	}
}
