package spool

import (
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/folder"
	"qm/cmd/qmserver/internal/launch"
	"qm/cmd/qmserver/internal/supervise"
	"qm/cmd/qmserver/internal/topology"
	"qm/pkg/jobinfo"
	"qm/pkg/layout"
)

// Options are what the configuration decides.
type Options struct {
	Tree         layout.Tree
	Slots        int
	Blocking     bool                      // one job at a time
	Fair         bool                      // within a priority, the owner with the fewest busy slots goes first
	Events       bool                      // use file events where they work
	Affinity     bool                      // pin each job to processors of its own
	CPUs         func() []topology.CPU     // those that the server may use now; nil: unknown
	Load         func() (float64, bool)    // of the machine, for the heartbeat; nil: unknown
	GPUs         []string                  // that are shared out, by what CUDA_VISIBLE_DEVICES calls them
	Memory       int64                     // bytes that are shared out to the jobs that ask for some; 0: not limited
	MaxLog       int64                     // bytes that the log of a job may grow to that does not say so itself; 0: no limit
	Refuse       func(jobinfo.Info) string // why this server can't ever run such a job, in words; nil: it can all
	MinFree      int64                     // bytes that must be free for a job to start; 0: none
	JobFiles     []string                  // names of info files; the first that exists counts
	Poll         time.Duration
	Settle       time.Duration // how long a folder must not change before it counts as complete
	SettleRemote time.Duration // the same on a network file system
	Grace        time.Duration // from TERM to KILL
	MaxLimit     time.Duration // the most that a job may ask for, and what one gets that asks for none; 0: none
	Owners       bool          // each job runs as the owner of its folder
	Elsewhere    bool          // the jobs run on other machines, which share themselves out: Slots are jobs then
	Drain        bool          // end when nothing runs, arrives or can start
	Host         string
	Version      string
	Launch       string // the word of the configuration, for the heartbeat

	Post  Post                // takes the mail about jobs that are over; nil: none is sent
	Watch func([]RunningJob)  // told at each poll what runs; may be nil
	Alive func(status string) // told by the scheduler, each layout.BeatEvery and first when it works, how it goes; may be nil
}

// RunningJob is a job that runs, for those who watch.
type RunningJob struct {
	Folder  string // path of the folder that it lies in
	Name    string
	Started time.Time // or was given to who runs it elsewhere
	Words   string    // how it goes there; empty: it runs here, or nothing is known
}

// Launcher starts claimed jobs and tells how they ended.
type Launcher interface {
	Start(job supervise.Job, uid int) error
	Look(r folder.Ref, uid int, jobFiles []string, all bool) folder.Look
	LogTail(r folder.Ref, uid int) (string, error)
	LeaveReason(r folder.Ref, uid int, why folder.Reason) error
	Events() <-chan launch.Event
	Stop(disk.Identity) error
	Runs() launch.Runs
	Strays(runs launch.Runs) []launch.Stray
	Own(run string) bool
	Adopt(run string, id disk.Identity) error
	Release(id disk.Identity, uid, attempt int) error
	Sweep(pending func(disk.Identity) bool) (launch.Runs, error)
	Judged() error
	RetireIdle()
}

// Result tells how a drain went.
type Result struct {
	Failed int      // jobs that did not succeed
	Stays  []string // jobs that are left, with the reason
}
