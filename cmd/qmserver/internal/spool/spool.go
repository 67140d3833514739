// Package spool is the one place that moves jobs from folder to folder: it
// watches the queue, claims what the schedule starts, finishes or parks what
// has ended, and at each look at the tree puts right what a crash left behind.
//
// One goroutine, that of Run, holds all state; readings of arriving folders
// and the launcher send it messages.
package spool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/folder"
	"qm/cmd/qmserver/internal/launch"
	"qm/cmd/qmserver/internal/supervise"
	"qm/pkg/layout"
)

// Options are what the configuration decides.
type Options struct {
	Tree     layout.Tree
	Slots    int
	Blocking bool     // one job at a time
	JobFiles []string // names of info files; the first that exists counts
	Poll     time.Duration
	Settle   time.Duration // how long a folder must not change before it counts as complete
	Grace    time.Duration // from TERM to KILL
	MaxLimit time.Duration // the most that a job may ask for, and what one gets that asks for none; 0: none
	Owners   bool          // each job runs as the owner of its folder
	Drain    bool          // end when nothing runs, arrives or can start
	Host     string
	Version  string
	Launch   string // the word of the configuration, for the heartbeat

	Watch func([]RunningJob) // told at each poll what runs; may be nil
}

// RunningJob is a job that runs, for those who watch.
type RunningJob struct {
	Folder  string // path of the folder that it lies in
	Name    string
	Started time.Time
}

// Launcher starts claimed jobs and tells how they ended.
type Launcher interface {
	Start(job supervise.Job, uid int) error
	Look(r folder.Ref, uid int, jobFiles []string) folder.Look
	LeaveReason(r folder.Ref, uid int, why folder.Reason) error
	Events() <-chan launch.Event
	Stop(disk.Identity) error
	Runs() launch.Runs
	Own(run string) bool
	Adopt(run string, id disk.Identity) error
	Release(id disk.Identity, attempt int) error
	Sweep(pending func(disk.Identity) bool) error
	Judged() error
	RetireIdle()
}

// Result tells how a drain went.
type Result struct {
	Failed int      // jobs that did not succeed
	Stays  []string // jobs that are left, with the reason
}

// Spool is the tree and what is known of it.
type Spool struct {
	Options
	launcher Launcher
	log      *slog.Logger
	root     *os.Root // of the tree
	rootID   disk.Identity
	lock     *Lock

	jobs     jobs
	ghosts   map[disk.Identity]string // runs of earlier servers whose folders were taken away
	haunted  bool                     // they have been looked for
	places   map[place]string         // of what is no job: why, in words
	attempts map[disk.Identity]int    // of queued folders whose run an earlier server saw cut: which one is next
	looks    chan look
	quit     chan struct{} // closed when Run returns: nobody listens any more
	wishes   chan bool     // of the operator: false: start nothing more; true: and stop what runs
	ending   bool          // start nothing more, and end when nothing runs
	told     chan told     // reasons that were left
	looking  int           // readings under way
	looksOf  map[int]int   // readings under way by uid

	started  time.Time
	problems []string // what holds the whole server back
	mute     bool     // the status files could not be written the last time
	broken   string   // what was told of run files that can't be read
	stuck    string   // the run file of an idle supervisor that was told of
	known    bool     // the last look at QM_Jobs left no folder unknown
	paused   bool
	result   Result

	nextPoll, nextBeat, nextFlush time.Time
	watched                       bool // Watch was told since the last poll
	plan                          []planned
	dirty                         bool      // queue.json is not as the plan
	judgedBy                      time.Time // until when recovery waits for idle supervisors
	holdTill                      time.Time // until when the schedule waits for readings that are about to end
}

// place is a name in one of the folders.
type place struct {
	state layout.State
	name  string
}

// New takes the tree, which lock holds, and makes the folders that are missing.
func New(opt Options, lock *Lock, launcher Launcher, log *slog.Logger) (*Spool, error) {
	path, err := filepath.Abs(string(opt.Tree)) // supervisors work elsewhere
	if err != nil {
		return nil, err
	}
	opt.Tree = layout.Tree(path)
	root, err := os.OpenRoot(string(opt.Tree))
	if err != nil {
		return nil, err
	}
	at, err := disk.Lstat(lock.dir)
	if err != nil {
		return nil, err
	}
	s := &Spool{
		Options: opt, launcher: launcher, log: log, root: root, rootID: at.Identity, lock: lock,
		jobs:     newJobs(),
		ghosts:   make(map[disk.Identity]string),
		looksOf:  make(map[int]int),
		places:   make(map[place]string),
		looks:    make(chan look, maxLooks),
		quit:     make(chan struct{}),
		wishes:   make(chan bool),
		told:     make(chan told),
		started:  time.Now(),
		attempts: launcher.Runs().Attempts(),
	}
	if err := s.makeFolders(); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	if err := errors.Join(oneFileSystem(opt.Tree), s.checkWriters()); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return s, nil
}

// makeFolders makes those that are missing. Where jobs run as the owners of
// their folders all users may put and take their own, and only those.
func (s *Spool) makeFolders() error {
	for _, state := range layout.States {
		err := s.root.Mkdir(state.Folder(), 0o777)
		if err == nil && s.Owners {
			err = s.root.Chmod(state.Folder(), 0o777|os.ModeSticky)
		}
		if err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("make folder of the tree: %w", err)
		}
	}
	return nil
}

// checkWriters: where jobs run as the owners of their folders, nobody may be
// able to move another's; else all who may write to the queue act as us.
func (s *Spool) checkWriters() error {
	var errs []error
	for _, dir := range append([]string{string(s.Tree)}, s.folders()...) {
		f, err := disk.Lstat(dir)
		if err != nil {
			return err
		}
		open := f.Mode.Perm()&0o022 != 0
		if s.Owners && open && f.Mode&os.ModeSticky == 0 {
			errs = append(errs, fmt.Errorf("%s may be written to by others, who could move each other's jobs: chmod +t %s", dir, dir))
		}
		if !s.Owners && open && dir == s.Tree.Folder(layout.Queued) {
			s.log.Warn("others may put jobs into the queue, and all jobs run as this server's user", "folder", dir, "uid", os.Getuid())
		}
	}
	return errors.Join(errs...)
}

func (s *Spool) folders() []string {
	var all []string
	for _, state := range layout.States {
		all = append(all, s.Tree.Folder(state))
	}
	return all
}

// oneFileSystem: a rename from one file system to another is a copy, which
// could be cut in the midst.
func oneFileSystem(tree layout.Tree) error {
	first, err := disk.Lstat(tree.Folder(layout.Queued))
	for _, state := range layout.States {
		f, err2 := disk.Lstat(tree.Folder(state))
		switch {
		case err2 != nil:
			err = errors.Join(err, err2)
		case !f.Mode.IsDir():
			err = errors.Join(err, fmt.Errorf("%s is not a folder: move it away", tree.Folder(state)))
		case f.Dev != first.Dev:
			err = errors.Join(err, fmt.Errorf("%s lies on another file system than %s: all folders of the tree must lie on one", tree.Folder(state), tree.Folder(layout.Queued)))
		}
	}
	return err
}

// Run works until ctx ends, or with Drain until there is nothing more to do.
// Jobs that run when it returns go on. ErrLockLost says that the tree is not
// ours any more.
func (s *Spool) Run(ctx context.Context) (Result, error) {
	defer s.root.Close()
	defer close(s.quit)
	s.judgedBy = time.Now().Add(patience)
	wake := time.NewTimer(0)
	defer wake.Stop()
	for {
		select {
		case <-ctx.Done():
			s.leave()
			return s.result, nil
		case e := <-s.launcher.Events():
			s.ended(e)
		case l := <-s.looks:
			s.looked(l)
		case t := <-s.told:
			s.reasonLeft(t)
		case stop := <-s.wishes:
			s.interrupt(stop)
		case <-wake.C:
		}
		if err := s.step(time.Now()); err != nil {
			s.leave()
			return s.result, err
		}
		if s.ending && !s.anyRunning() || s.Drain && s.drained() {
			s.leave()
			return s.result, nil
		}
		wake.Reset(time.Until(s.next()))
	}
}

// step does what is due.
func (s *Spool) step(now time.Time) error {
	if !now.Before(s.nextPoll) {
		s.nextPoll = now.Add(s.Poll)
		if err := s.poll(now); err != nil {
			return err
		}
		s.watched = false
	}
	s.retryMoves(now)
	s.startLooks(now)
	s.schedule(now)
	if s.Watch != nil && (s.dirty || !s.watched) {
		s.Watch(s.runningJobs())
		s.watched = true
	}
	s.tell(now)
	return nil
}

// next is when something is due without a message.
func (s *Spool) next() time.Time {
	next := s.nextPoll
	for _, t := range []time.Time{s.nextBeat, s.nextFlush, s.holdTill, s.jobs.due(s.looking < maxLooks)} {
		if !t.IsZero() && t.Before(next) {
			next = t
		}
	}
	return next
}

// leave says that the server ends and which jobs run on.
func (s *Spool) leave() {
	for _, j := range s.jobs.by[running] {
		s.log.Info("job runs on; the next start adopts it", "job", j.shown())
	}
	s.beat(time.Now(), true)
	s.flush(time.Now())
}
