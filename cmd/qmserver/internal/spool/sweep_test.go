package spool

import (
	"log/slog"
	"testing"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/launch"
	"qm/pkg/layout"
)

// sweeper counts how often it is to sweep, and does nothing else.
type sweeper struct {
	Launcher
	sweeps int
}

func (*sweeper) RetireIdle()       {}
func (*sweeper) Judged() error     { return nil }
func (*sweeper) Runs() launch.Runs { return launch.Runs{} }
func (w *sweeper) Sweep(func(disk.Identity) bool) (launch.Runs, error) {
	w.sweeps++
	return launch.Runs{}, nil
}

// TestRunFilesAreSweptUnderLoad: where one round of syncs follows the other, what
// they leave no room for is done all the same, but not while the disk hangs.
func TestRunFilesAreSweptUnderLoad(t *testing.T) {
	tree := layout.Tree(t.TempDir())
	lock, err := TakeLock(tree)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	w := &sweeper{}
	s, err := New(Options{Tree: tree, Slots: 1}, lock, w, slog.New(slog.NewTextHandler(testLog{t}, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer s.root.Close()
	now := time.Now()
	s.commits.under = []moved{{}}
	for beat, want := range []int{0, 1, 1, 2} {
		if s.tell(now.Add(time.Duration(beat) * layout.BeatEvery)); w.sweeps != want {
			t.Errorf("at beat %d it was swept %d times, want %d", beat, w.sweeps, want)
		}
	}
	s.commits.slow = true
	for beat := range 2 {
		if s.tell(now.Add(time.Duration(4+beat) * layout.BeatEvery)); w.sweeps != 2 {
			t.Error("it is swept while the disk hangs")
		}
	}
}
