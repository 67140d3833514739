package events

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestRenamesAtOnce: the halves of one may be told with others' between them.
func TestRenamesAtOnce(t *testing.T) {
	var buf []byte
	for _, e := range []struct{ mask, cookie uint32 }{
		{unix.IN_MOVED_FROM, 7}, {unix.IN_MOVED_FROM, 8}, {unix.IN_MOVED_TO, 7}, {unix.IN_MOVED_TO, 8}, {unix.IN_MOVED_TO, 9},
	} {
		for _, n := range []uint32{1, e.mask, e.cookie, 0} { // the watch first, the length of the name last
			buf = binary.NativeEndian.AppendUint32(buf, n)
		}
	}
	var kinds []Kind
	p := parser{}
	for _, e := range p.parse(buf) {
		kinds = append(kinds, e.Kind)
	}
	if want := []Kind{Left, Left, Made, Made, Came}; !slices.Equal(kinds, want) {
		t.Errorf("told of %v, want %v", kinds, want)
	}
}

// TestKinds does with folders what users do, and compares what is told.
func TestKinds(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	w := Open()
	if w == nil {
		t.Skip("no events here")
	}
	defer w.Close()
	queue, err := w.Watch(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	in := func(elem ...string) string { return filepath.Join(append([]string{dir}, elem...)...) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Mkdir(in("made"), 0o755))
	must(os.Rename(in("made"), in("renamed")))
	must(os.Mkdir(filepath.Join(outside, "came"), 0o755))
	must(os.Rename(filepath.Join(outside, "came"), in("came")))
	job, err := w.Watch(in("came"), true)
	must(err)
	must(os.WriteFile(in("came", "HOLD"), nil, 0o600))
	must(os.Rename(in("came"), filepath.Join(outside, "came")))
	must(os.WriteFile(filepath.Join(outside, "came", "info"), []byte("x"), 0o600)) // its watch goes with it
	w.Forget(job)
	must(os.Remove(in("renamed")))
	must(os.Remove(dir))
	want := []Event{
		{Made, queue, "made"}, {Left, queue, "made"}, {Made, queue, "renamed"}, {Came, queue, "came"},
		{Made, job, "HOLD"}, {Changed, job, "HOLD"}, {Left, queue, "came"}, {Made, job, "info"}, {Changed, job, "info"},
		{Left, queue, "renamed"}, {Gone, queue, ""},
	}
	var got []Event
	for len(got) < len(want) {
		select {
		case all := <-w.C():
			got = append(got, all...)
		case <-time.After(20 * time.Second):
			t.Fatalf("told of %v", got)
		}
	}
	for i, e := range want {
		if got[i] != e {
			t.Errorf("at %d: told of %v, want %v", i, got[i], e)
		}
	}
}
