package launch

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/runfile"
	"qm/cmd/qmserver/internal/slurm"
	"qm/cmd/qmserver/internal/supervise"
	"qm/pkg/layout"
)

// SlurmOptions are what the configuration says of Slurm.
type SlurmOptions struct {
	Options  []string      // of the site, for sbatch; each in one word
	Env      []string      // what the jobs find in their environment
	Every    time.Duration // between two questions to Slurm how its jobs are
	Patience time.Duration // for what a shared file system, or a controller that comes back, tells late
	Here     bool          // new jobs run on this machine: only those that Slurm has are followed
}

// Slurm has jobs run by Slurm. Its run files say which run of a folder is the
// current one, durably before sbatch is asked, and how it ended; in between the
// job's folder and Slurm tell how it goes. What an earlier server ran on this
// machine, and what only looks into folders, is Local's.
//
// One goroutine does all that waits for Slurm or for a disk; the methods tell it
// what to do and may be called as those of Local.
type Slurm struct {
	*Local
	opt    SlurmOptions
	tree   string // absolute path
	client *slurm.Client
	log    *slog.Logger

	cancel context.CancelFunc
	wake   chan struct{}
	ended  chan struct{}

	// Of the goroutine alone.
	ledgers ledgers
	waiting []*slurmRun // of runs, those that are to be given to Slurm, in this order
	locked  []*slurmRun // to be adopted once somebody has let go of their run file
	runs    map[disk.Identity]*slurmRun
	contact contact
	looked  time.Time // when the folders were looked at
	looking time.Duration

	lock    sync.Mutex  // guards all below
	inbox   []*slurmRun // to be started or adopted
	stops   []disk.Identity
	idle    bool            // the run file may go if it has nothing to tell
	keeps   map[string]bool // the run files that are open here
	heard   bool            // Slurm has answered since the start
	foreign map[string]string
	haunted bool // somebody asked for strays, so it counts how they are
}

// NewSlurm follows what Slurm runs of the tree's jobs, and has it run those that
// it is told to start. Close ends that, and Local too.
func NewSlurm(local *Local, tree layout.Tree, opt SlurmOptions, log *slog.Logger) (*Slurm, error) {
	path, err := filepath.Abs(string(tree))
	if err != nil {
		return nil, err
	}
	if !opt.Here {
		local.shared = true // the commands of Slurm are children too
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Slurm{
		Local: local, opt: opt, tree: path, client: slurm.New(opt.Env), log: log,
		cancel: cancel, wake: make(chan struct{}, 1), ended: make(chan struct{}),
		ledgers: ledgers{dir: local.dir, open: make(map[string]*ledger)},
		runs:    make(map[disk.Identity]*slurmRun),
		keeps:   make(map[string]bool),
		contact: contact{every: opt.Every},
	}
	go s.work(ctx)
	return s, nil
}

// HasRuns tells whether Slurm runs jobs of the tree, as far as the run files say.
func HasRuns(runs Runs) bool {
	for _, run := range runs.Files {
		for _, line := range run.Last {
			if line.Event == runfile.Starting && line.Token != "" {
				return true
			}
		}
	}
	return false
}

// Start has Slurm run a job.
func (s *Slurm) Start(job supervise.Job, uid int) error {
	if s.opt.Here {
		return s.Local.Start(job, uid)
	}
	job.User = s.nameOf(uid)
	s.send(func() { s.inbox = append(s.inbox, &slurmRun{job: order{job, job.Elsewhere}}) })
	return nil
}

// Stop has a running job ended.
func (s *Slurm) Stop(id disk.Identity) error {
	s.send(func() { s.stops = append(s.stops, id) })
	return s.Local.Stop(id)
}

// Adopt goes on following a job that an earlier server has given to Slurm, or
// that one of its supervisors runs on this machine.
func (s *Slurm) Adopt(run string, id disk.Identity) error {
	read, err := runfile.Read(s.dir, run)
	if err != nil {
		return fmt.Errorf("adopt run: %w", err)
	}
	line := read.Last[id]
	if line.Token == "" {
		return s.Local.Adopt(run, id)
	}
	s.send(func() { s.inbox = append(s.inbox, &slurmRun{token: line.Token, line: line, found: run}) })
	return nil
}

// Own tells whether a run file is one of this process's, or of supervisors that
// it has started or adopted.
func (s *Slurm) Own(run string) bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.keeps[run] || s.Local.Own(run)
}

// Strays returns also the Slurm jobs of this tree that no run file tells of. That
// one was taken away is durable then. Before Slurm has answered once, there may be
// some.
func (s *Slurm) Strays(runs Runs) []Stray {
	strays := s.Local.Strays(runs)
	if s.opt.Here && !HasRuns(runs) {
		return strays
	}
	told := make(map[string]bool)
	for _, run := range runs.Files {
		for _, line := range run.Last {
			told[line.Token] = true
		}
	}
	s.send(func() { s.haunted = true }) // so Slurm is asked until there is none
	s.lock.Lock()
	defer s.lock.Unlock()
	if !s.heard {
		return append(strays, Stray{Until: "Slurm has told which jobs it has", all: true})
	}
	for token, id := range s.foreign {
		if told[token] {
			continue
		}
		s.noteMissing()
		strays = append(strays, Stray{Process: "Slurm job " + id, Until: "Slurm job " + id + " has ended", all: true})
	}
	slices.SortFunc(strays, func(a, b Stray) int { return cmp.Compare(a.Process, b.Process) })
	return strays
}

// noteMissing notes durably that a run file was taken away that told of a run
// which goes on.
func (s *Slurm) noteMissing() {
	l := s.Local
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.missing[runfile.Anyones] {
		return
	}
	l.missing[runfile.Anyones] = true
	if err := markMissing(l.dir.Name(), runfile.Anyones); err != nil {
		l.log.Warn("it can't be noted that a run file was taken away", "error", err)
	}
}

// RetireIdle lets supervisors go, and the run file, that have had nothing to do
// for some seconds.
func (s *Slurm) RetireIdle() {
	s.Local.RetireIdle()
	s.send(func() { s.idle = true })
}

// Close ends the following. What Slurm has goes on.
func (s *Slurm) Close() error {
	s.cancel()
	<-s.ended
	return s.Local.Close()
}

// send leaves something for the goroutine and wakes it.
func (s *Slurm) send(leave func()) {
	s.lock.Lock()
	leave()
	s.lock.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}
