package snapshot

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"qm/pkg/layout"
)

// deaf makes a scanner that the kernel tells nothing, as of a network share.
func deaf(s *scanner) *scanner {
	s.news = newNews()
	for _, f := range s.folders {
		f.news = s.news
	}
	muteNews(s.news)
	return s
}

// hearing calls a test with scanners that are told of changes, and with such
// that are not.
func hearing(t *testing.T, test func(t *testing.T, scanner func(tree testTree) *scanner)) {
	t.Run("told", func(t *testing.T) {
		test(t, func(tree testTree) *scanner { return newScanner(tree.path, testNames) })
	})
	t.Run("not told", func(t *testing.T) {
		test(t, func(tree testTree) *scanner { return deaf(newScanner(tree.path, testNames)) })
	})
}

// Whatever is done to the folders, the next look knows it.
func TestChangesAreSeen(t *testing.T) {
	hearing(t, func(t *testing.T, scanner func(tree testTree) *scanner) {
		tree, random := newTree(t), rand.New(rand.NewPCG(1, 2))
		s := scanner(tree)
		now := time.Now()
		for step := range 200 {
			for range random.IntN(4) {
				tree.disturb(random)
			}
			now = now.Add(time.Duration(random.IntN(2000)) * time.Millisecond)
			if step%3 > 0 { // a look may be left out
				tree.sameAs(s.scan(now))
			}
		}
	})
}

// disturb does something to the folders.
func (tree testTree) disturb(random *rand.Rand) {
	some := func() string {
		return filepath.Join(tree.path, layout.States[random.IntN(len(layout.States))].Folder(), fmt.Sprint("job", random.IntN(8)))
	}
	from, to := some(), some()
	switch random.IntN(6) {
	case 0, 1:
		_ = os.MkdirAll(from, 0o755)
	case 2:
		_ = os.RemoveAll(from)
	case 3:
		_ = os.RemoveAll(from)
		_ = os.WriteFile(from, nil, 0o600)
	default:
		_ = os.Rename(from, to) // or it refuses
	}
}

// sameAs checks that a snapshot has what is there.
func (tree testTree) sameAs(snap *Snapshot) {
	tree.t.Helper()
	for _, st := range layout.States {
		var there, files []string
		entries, err := os.ReadDir(filepath.Join(tree.path, st.Folder()))
		if err != nil {
			tree.t.Fatal(err)
		}
		for _, e := range entries {
			if e.IsDir() {
				there = append(there, e.Name())
			} else {
				files = append(files, e.Name())
			}
		}
		found := names(listed(snap, st))
		slices.Sort(found)
		if !slices.Equal(found, there) {
			tree.t.Fatalf("%s has %q, not %q", st, there, found)
		}
		var noted []string
		for _, n := range snap.Notes {
			if n.Folder == st.Folder() {
				noted = append(noted, n.ID)
			}
		}
		if !slices.Equal(noted, files) {
			tree.t.Fatalf("%s has the files %q, not %q", st, files, noted)
		}
	}
}

// Where all is told that happens, a folder of many jobs is not listed for one of
// them; but again when more happened than was told.
func TestOneOfMany(t *testing.T) {
	tree := newTree(t)
	tree.job(layout.Done, "old")
	s := newScanner(tree.path, testNames)
	now := time.Now()
	s.scan(now)
	f := s.folders[layout.Done]
	if _, sure := s.news.since(layout.Done, f.stamp.id); !sure {
		t.Skip("nothing is told of changes here")
	}
	listed := f.listed
	for i := range 5 {
		tree.job(layout.Done, fmt.Sprint("job", i))
		now = now.Add(time.Second)
		if snap := s.scan(now); snap.Count(layout.Done) != i+2 || !f.listed.Equal(listed) {
			t.Fatalf("%d jobs, listed %v later", snap.Count(layout.Done), f.listed.Sub(listed))
		}
	}
	overflow(s.news)
	tree.job(layout.Done, "last")
	if snap := s.scan(now.Add(time.Second)); snap.Count(layout.Done) != 7 || f.listed.Equal(listed) {
		t.Errorf("%d jobs after too much happened", snap.Count(layout.Done))
	}
	listed = f.listed
	if s.scan(now.Add(time.Minute)); f.listed.Equal(listed) {
		t.Error("it is never listed again")
	}
}

// A folder that is another one than before is listed and told of anew.
func TestAnotherFolder(t *testing.T) {
	hearing(t, func(t *testing.T, scanner func(tree testTree) *scanner) {
		tree := newTree(t)
		tree.job(layout.Done, "old")
		s := scanner(tree)
		now := time.Now()
		tree.sameAs(s.scan(now))
		tree.move("QM_dJobs", "kept")
		tree.sameAs(testScan(tree, s, now.Add(time.Second), "QM_dJobs/new"))
		tree.sameAs(testScan(tree, s, now.Add(2*time.Second), "QM_dJobs/newer"))
		if err := os.RemoveAll(filepath.Join(tree.path, "QM_dJobs")); err != nil {
			t.Fatal(err)
		}
		tree.sameAs(testScan(tree, s, now.Add(3*time.Second), "QM_dJobs/newest"))
		tree.sameAs(testScan(tree, s, now.Add(4*time.Second), "QM_dJobs/last"))
	})
}

func testScan(tree testTree, s *scanner, now time.Time, made string) *Snapshot {
	tree.mkdir(made)
	return s.scan(now)
}

// That the heartbeat changed is news only as far as the page tells of it: that it
// did so at all.
func TestHeartbeatIsNoNews(t *testing.T) {
	tree := newTree(t)
	s := newScanner(tree.path, testNames)
	now := time.Now()
	look := func(beat time.Duration) *Snapshot {
		tree.writeJSON(layout.HeartbeatFile, layout.Heartbeat{PID: 1, Beat: now.Add(beat)})
		return s.scan(now.Add(beat))
	}
	first, second, third := look(0), look(5*time.Second), look(10*time.Second)
	if first.Server.AsOf.IsZero() || !second.Server.AsOf.IsZero() || first.Version == second.Version {
		t.Errorf("versions %d and %d, as of %v and %v", first.Version, second.Version, first.Server.AsOf, second.Server.AsOf)
	}
	if third.Version != second.Version || !third.Server.Alive {
		t.Errorf("version %d became %d though only the heartbeat went on", second.Version, third.Version)
	}
}

// The queue file is read again when it was replaced, and not while it is the same.
func TestQueueFileIsReadOnce(t *testing.T) {
	tree := newTree(t)
	tree.job(layout.Queued, "q")
	s := newScanner(tree.path, testNames)
	now := time.Now().Add(time.Hour) // so that its stamp is old
	for i, reason := range []string{"one", "two", ""} {
		if reason == "" {
			if err := os.Remove(filepath.Join(tree.path, layout.QueueFile)); err != nil {
				t.Fatal(err)
			}
		} else {
			tree.writeJSON("fresh", layout.Queue{Jobs: []layout.QueueJob{{ID: "q", Position: 1, Reason: reason}}})
			tree.move("fresh", layout.QueueFile)
		}
		tree.writeJSON(layout.HeartbeatFile, layout.Heartbeat{PID: 1, Beat: now, Slots: i})
		s.scan(now)
		tree.writeJSON(layout.HeartbeatFile, layout.Heartbeat{PID: 2, Beat: now, Slots: i})
		now = now.Add(time.Second)
		j, read := s.scan(now).Find(layout.Queued, "q"), s.watch.written
		if got := j.Reason; reason != "" && got != reason || reason == "" && s.watch.queue != nil {
			t.Errorf("it waits since %q, want %q", got, reason)
		}
		if s.scan(now.Add(time.Second)); len(read) > 0 && &s.watch.written[0] != &read[0] {
			t.Error("it was read again")
		}
	}
}
