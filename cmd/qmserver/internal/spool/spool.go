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
	"qm/cmd/qmserver/internal/events"
	"qm/cmd/qmserver/internal/launch"
	"qm/cmd/qmserver/internal/runfile"
	"qm/pkg/layout"
)

// Spool is the tree and what is known of it.
type Spool struct {
	Options
	launcher Launcher
	log      *slog.Logger
	root     *os.Root // of the tree
	rootID   disk.Identity
	lock     *Lock

	jobs     jobs
	commits  commits
	ready    []*job                        // that wait for a slot, in the order of their start
	readyBy  time.Time                     // when they go back
	inARow   int                           // how many jobs that ended last were short
	ghosts   map[disk.Identity]runfile.Run // runs of earlier servers whose folders were taken away
	haunted  bool                          // they have been looked for
	places   map[place]string              // of what is no job: why, in words
	contact  launch.Contact                // with who runs the jobs elsewhere
	attempts map[runfile.Folder]int        // of queued folders whose run an earlier server saw cut: which one is next
	quit     chan struct{}                 // closed when Run returns: nobody listens any more
	wishes   chan bool                     // of the operator: false: start nothing more; true: and stop what runs
	ending   bool                          // start nothing more, and end when nothing runs
	ousted   bool                          // the tree is another server's: move nothing more
	told     chan told                     // reasons that were left
	letters  chan written                  // letters that were written

	events     *events.Watcher // nil: the folders are looked at
	clock      *disk.Clock
	time       int64 // by the clock, at timeAt
	timeAt     time.Time
	list       listing
	queueWatch int
	left       map[disk.Identity]bool // folders that lay here before they were complete
	pauses     map[string]bool        // the files PAUSE
	watched    map[int32]*job
	watches    watches
	glances    glances
	arrivals   arrivals
	outcomes   outcomes
	follows    followers
	owners     owners
	names      interned // of owners

	due      due
	firsts   map[*job]time.Time // those whose turn it is, and until when the others wait for them
	looks    chan *tour
	tours    map[*tour]struct{}
	looking  int           // readings under way that are waited for
	looksOf  map[int]int   // the same by user
	crowd    bool          // very many were seen first at once, and are being read
	peeking  int           // those of info files alone
	opening  bool          // not all that lay in the queue at the start is known
	peeked   time.Time     // when the last of them began
	patience time.Duration // lookPatience, but in tests

	started             time.Time
	problems            []string // what holds the whole server back
	full                string   // that the disk is nearly full, in words
	weighed             time.Time
	mute                map[string]bool      // status files that could not be written the last time
	replacedAt          map[string]time.Time // when they were written
	load1               *float64             // for the heartbeat, as the next two; nil: unknown
	diskFree, diskTotal *int64
	broken              string // what was told of run files that can't be read
	stuck               string // the run file of an idle supervisor that was told of
	lost                string // the supervisor without a run file that was told of
	awaited             int    // folders in QM_Jobs that wait for what a supervisor does
	known               bool   // the last look at QM_Jobs left no folder unknown
	paused              bool
	result              Result

	nextPoll, nextBeat, nextFlush time.Time
	wake                          time.Time // when the schedule is to be asked again
	unswept                       bool      // run files are to be cleared away
	shown                         bool      // Watch was told since the last poll
	dirty                         bool      // something has changed that counts for the schedule
	judgedBy                      time.Time // until when recovery waits for idle supervisors
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
		jobs:       newJobs(opt.Fair),
		commits:    newCommits(),
		ghosts:     make(map[disk.Identity]runfile.Run),
		looksOf:    make(map[int]int),
		tours:      make(map[*tour]struct{}),
		firsts:     make(map[*job]time.Time),
		places:     make(map[place]string),
		left:       make(map[disk.Identity]bool),
		pauses:     make(map[string]bool),
		mute:       make(map[string]bool),
		replacedAt: make(map[string]time.Time),
		watched:    make(map[int32]*job),
		names:      make(interned),
		follows:    newFollowers(),
		looks:      make(chan *tour, maxLooks),
		patience:   lookPatience,
		quit:       make(chan struct{}),
		wishes:     make(chan bool),
		told:       make(chan told),
		letters:    make(chan written),
		started:    time.Now(),
		opening:    true,
		attempts:   launcher.Runs().Attempts(),
	}
	if err := s.makeFolders(); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	if err := errors.Join(oneFileSystem(opt.Tree), fit(opt.Tree), s.checkWriters()); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	s.arrivals.lines = lines{root: root, name: layout.ArrivalsFile, log: log}
	s.arrivals.open()
	s.outcomes.lines = lines{root: root, name: layout.OutcomesFile, log: log}
	s.outcomes.learn(launcher.Runs(), s.believes)
	if s.clock, err = disk.NewClock(root, layout.ClockFile); err != nil {
		return nil, errors.Join(fmt.Errorf("read the time of the tree's file system: %w", err), root.Close())
	}
	if s.list.remote = !disk.TellsEvents(opt.Tree.Folder(layout.Queued)); s.list.remote && disk.IsRemote(opt.Tree.Folder(layout.Queued)) {
		s.Settle = s.SettleRemote
	}
	s.events = s.openEvents()
	return s, nil
}

// Run works until ctx ends, or with Drain until there is nothing more to do.
// Jobs that run when it returns go on. ErrLockLost says that the tree is not
// ours any more.
func (s *Spool) Run(ctx context.Context) (Result, error) {
	defer s.root.Close()
	defer close(s.quit)
	defer func() {
		_ = s.events.Close()
		if s.list.dir != nil {
			_ = s.list.dir.Close()
		}
	}()
	s.judgedBy = time.Now().Add(patience)
	wake := time.NewTimer(0)
	defer wake.Stop()
	for {
		select {
		case <-ctx.Done():
			s.leaveTree()
			return s.result, nil
		case e := <-s.launcher.Events():
			s.allEnded(e)
		case err := <-s.commits.done:
			s.committed(err)
		case t := <-s.looks:
			s.lookedAt(t)
		case all := <-s.events.C():
			s.happened(all, time.Now())
		case t := <-s.told:
			s.reasonLeft(t)
		case w := <-s.letters:
			s.letterWritten(w)
		case stop := <-s.wishes:
			s.interrupt(stop)
		case <-wake.C:
		}
		if err := s.step(time.Now()); err != nil {
			s.ousted = true
			s.leaveTree()
			return s.result, err
		}
		if s.ending && !s.anyRunning() || s.Drain && s.drained() {
			s.leaveTree()
			if s.Drain {
				s.result.Stays = s.stays()
			}
			return s.result, nil
		}
		wake.Reset(time.Until(s.next()))
	}
}

// step does what is due.
func (s *Spool) step(now time.Time) error {
	if !now.Before(s.nextPoll) {
		s.nextPoll = now.Add(s.pollEvery())
		if err := s.poll(now); err != nil {
			return err
		}
		s.shown = false
	}
	if !s.wake.IsZero() && !now.Before(s.wake) {
		s.wake, s.dirty = time.Time{}, true
	}
	s.retryMoves(now)
	s.leaveAlone(now)
	s.startLooks(now)
	s.lead(now)
	s.startReady(now)
	s.schedule(now)
	s.commit(now)
	s.startLooks(now) // of those whose turn it is
	if s.Watch != nil && (s.dirty || !s.shown) {
		s.Watch(s.runningJobs())
		s.shown = true
	}
	s.arrivals.flush()
	s.outcomes.flush()
	s.tell(now)
	return nil
}

// wakeAt has the schedule asked again at that time, or sooner.
func (s *Spool) wakeAt(t time.Time) {
	if s.wake.IsZero() || t.Before(s.wake) {
		s.wake = t
	}
}

// next is when something is due without a message.
func (s *Spool) next() time.Time {
	next := s.nextPoll
	sooner := func(t time.Time) {
		if !t.IsZero() && t.Before(next) {
			next = t
		}
	}
	for j := range s.jobs.late {
		sooner(j.retry)
	}
	for t := range s.tours {
		if !t.late {
			sooner(t.since.Add(s.patience + time.Millisecond))
		}
	}
	for _, till := range s.firsts {
		sooner(till)
	}
	if s.looking < maxLooks {
		sooner(s.due.first())
		if len(s.jobs.listed) > 0 {
			sooner(s.peeked.Add(recheck))
		}
	}
	if s.follows.scan {
		sooner(s.follows.next)
	}
	if len(s.ready) > 0 && len(s.problems) == 0 && !s.commits.underWay() {
		sooner(s.readyBy)
	}
	for _, t := range []time.Time{s.nextBeat, s.nextFlush, s.wake, s.commits.next()} {
		sooner(t)
	}
	return next
}

// leaveTree says that the server ends and which jobs run on.
func (s *Spool) leaveTree() {
	s.sendBack(time.Now())
	s.commitAll()
	for j := range s.jobs.by[running] {
		s.log.Info("job runs on; the next start adopts it", "job", j.shown())
	}
	if s.ousted {
		return // another may speak there now
	}
	s.beat(time.Now(), true)
	s.flush(time.Now())
}
