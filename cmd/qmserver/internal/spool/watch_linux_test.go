package spool

import (
	"fmt"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/events"
	"qm/cmd/qmserver/internal/launch"
	"qm/pkg/layout"
)

// stepped is a spool whose steps the test makes, and so knows when it polls.
type stepped struct {
	*server
	*Spool
}

// newStepped returns a spool with so many jobs that wait, none of which starts.
func newStepped(t *testing.T, jobs int) *stepped {
	s := newServer(t)
	lock, err := TakeLock(s.tree)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	local, err := launch.NewLocal(s.tree, nil, nil, log)
	if err != nil {
		t.Fatal(err)
	}
	sp, err := New(s.opt, lock, local, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		close(sp.quit)
		sp.openQueue("") // closes it
		_ = sp.events.Close()
		_ = sp.root.Close()
		local.Close()
		lock.Release()
	})
	if sp.events == nil {
		t.Skip("no events here")
	}
	s.pause()
	for i := range jobs {
		s.put(layout.Queued, fmt.Sprintf("job%04d", i), "script = true")
	}
	all := &stepped{s, sp}
	all.stepUntil("all wait", func() bool { return sp.jobs.queue.Len() == jobs })
	all.flush()
	return all
}

// stepUntil makes steps without polls, but for the first, until the condition
// holds: what is seen is seen by events.
func (s *stepped) stepUntil(what string, holds func() bool) {
	s.t.Helper()
	s.await(what, func() bool {
		for heard := true; heard; {
			select {
			case tour := <-s.looks:
				s.lookedAt(tour)
			case all := <-s.events.C():
				s.happened(all, time.Now())
			default:
				heard = false
			}
		}
		s.step()
		return holds()
	})
}

func (s *stepped) step() {
	s.t.Helper()
	if err := s.Spool.step(time.Now()); err != nil {
		s.t.Fatal(err)
	}
	s.nextPoll = time.Now().Add(time.Hour)
}

// poll makes a step with a poll in it.
func (s *stepped) poll() {
	s.t.Helper()
	s.nextPoll = time.Time{}
	s.step()
}

// flush makes one in which queue.json is written.
func (s *stepped) flush() {
	s.t.Helper()
	s.dirty, s.nextFlush = true, time.Time{}
	s.step()
}

// pollsUntilWatched counts the polls until so many jobs are watched.
func (s *stepped) pollsUntilWatched(jobs int) (polls int) {
	s.t.Helper()
	for len(s.watched) < jobs && polls <= jobs/watchPart+1 {
		s.poll()
		polls++
	}
	if len(s.watched) != jobs {
		s.t.Fatalf("%d are watched after %d polls, want %d", len(s.watched), polls, jobs)
	}
	return polls
}

// inOrder returns the jobs that wait.
func (s *stepped) inOrder() (all []*job) {
	for _, d := range s.jobs.queue.Plan(s.machine(), math.MaxInt32) {
		all = append(all, d.Job)
	}
	return all
}

func (s *stepped) hold(j *job) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.tree.Job(layout.Queued, j.name), string(layout.Hold)), nil, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// awaitHeld waits until people can see that a job is held.
func (s *stepped) awaitHeld(j *job) {
	s.t.Helper()
	s.stepUntil(j.name+" is shown as held", func() bool { return s.reason(j.name) == heldWords })
}

// pretend has jobs wait, behind all others, that are nowhere: the next listing
// misses them.
func (s *stepped) pretend(n int) {
	for i := range n {
		j := &job{name: fmt.Sprint("pretended", i), phase: waiting, Identity: disk.Identity{Inode: math.MaxUint64 - uint64(i)}}
		j.Arrived, j.NbProc = math.MaxInt64, 1
		s.jobs.add(j)
	}
	s.list.again, s.list.next = true, time.Time{}
}

// TestAllAreWatched: in a queue that is not very long HOLD is seen at once in
// each folder, and in a longer one in the first.
func TestAllAreWatched(t *testing.T) {
	const jobs = 3000
	s := newStepped(t, jobs)
	if len(s.watched) != layout.MaxQueueJobs {
		t.Errorf("%d of the first are watched", len(s.watched))
	}
	s.pollsUntilWatched(jobs)
	s.glances.rest = nil
	if s.poll(); s.glances.rest != nil {
		t.Error("some are to be glanced at, and all are watched")
	}
	order := s.inOrder()
	s.hold(order[jobs-1])
	s.awaitHeld(order[jobs-1])

	s.pretend(maxWatched - jobs)
	if s.flush(); len(s.watched) != jobs {
		t.Errorf("%d are watched of as many as may be", len(s.watched))
	}
	s.pretend(maxWatched - jobs + 1)
	if s.flush(); len(s.watched) != layout.MaxQueueJobs || order[0].watch == 0 || order[jobs-1].watch == 0 || order[jobs-2].watch != 0 {
		t.Errorf("%d are watched in a long queue", len(s.watched))
	}
	s.hold(order[layout.MaxQueueJobs/2])
	s.awaitHeld(order[layout.MaxQueueJobs/2])
	if polls := s.pollsUntilWatched(jobs); polls < 2 {
		t.Errorf("a queue that grows and shrinks has them all watched anew in %d polls", polls)
	}
}

// TestEventsLost: what nobody told of is seen at the next poll, also in folders
// that are watched.
func TestEventsLost(t *testing.T) {
	s := newStepped(t, 70)
	for _, j := range s.watched {
		s.events.Forget(int(j.watch))
	}
	j := s.inOrder()[69]
	s.hold(j)
	s.poll()
	if j.reading != nil {
		t.Fatal("it is glanced at without need")
	}
	s.happened([]events.Event{{Kind: events.Overflow}}, time.Now())
	s.step()
	s.awaitHeld(j)
}

// fewWatches is in the environment of a test that may say how many watches the
// kernel grants.
const fewWatches = "QM_TEST_FEW_WATCHES"

// grant says how many watches the kernel grants to this user in this namespace.
func grant(t *testing.T, n int) {
	t.Helper()
	if err := os.WriteFile("/proc/sys/user/max_inotify_watches", []byte(strconv.Itoa(n)), 0o600); err != nil {
		t.Skip(err)
	}
}

// TestWatchesRefused: where the kernel grants no more watches the first have
// what there is, and the others are glanced at.
func TestWatchesRefused(t *testing.T) {
	if os.Getenv(fewWatches) == "" {
		withFewWatches(t)
		return
	}
	grant(t, 5000)
	const jobs, rest = layout.MaxQueueJobs + 200, 200
	s := newStepped(t, jobs)
	s.pollsUntilWatched(jobs)
	grant(t, jobs+1) // the queue itself

	s.put(layout.Queued, "urgent", "priority = 1\nscript = true")
	s.stepUntil("one that comes first", func() bool { return s.inOrder()[0].name == "urgent" })
	if s.flush(); s.inOrder()[0].watch == 0 || len(s.watched) != layout.MaxQueueJobs {
		t.Fatalf("%d are watched, among them the first: %v", len(s.watched), s.inOrder()[0].watch != 0)
	}
	spare := s.watches.spare
	if s.poll(); len(s.watched) != layout.MaxQueueJobs || !spare.After(time.Now()) || !s.watches.spare.Equal(spare) {
		t.Errorf("%d are watched, and no more are asked for until %s, %s", len(s.watched), spare, s.watches.spare)
	}
	last := s.inOrder()[jobs]
	s.hold(last)
	for polls := 0; last.reading == nil; polls++ {
		if polls > 2*int(glanceRound/s.pollEvery()) {
			t.Fatal("the last is not glanced at")
		}
		s.poll()
	}
	s.awaitHeld(last)

	grant(t, 1)
	for i := range rest {
		s.put(layout.Queued, fmt.Sprint("more", i), "priority = 2\nscript = true")
	}
	s.stepUntil("more that come first", func() bool { return strings.HasPrefix(s.inOrder()[rest-1].name, "more") })
	s.flush()
	again := s.watches.again
	if s.flush(); len(s.glances.front) != rest || again.IsZero() || !s.watches.again.Equal(again) {
		t.Errorf("%d of the first are to be glanced at, and no watch is asked for until %s, %s", len(s.glances.front), again, s.watches.again)
	}
	s.hold(s.glances.front[0])
	held := s.glances.front[0]
	s.poll()
	s.awaitHeld(held)

	grant(t, 5000)
	s.watches.again = time.Now()
	if s.flush(); len(s.glances.front) != 0 {
		t.Errorf("%d are still glanced at", len(s.glances.front))
	}
}

// withFewWatches runs the calling test again where it may take watches away.
func withFewWatches(t *testing.T) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.v", "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), fewWatches+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	switch {
	case err != nil && len(out) == 0:
		t.Skip("no namespace may be made here: ", err)
	case err != nil:
		t.Errorf("%v:\n%s", err, out)
	case strings.Contains(string(out), "--- SKIP"):
		t.Skipf("%s", out)
	}
}
