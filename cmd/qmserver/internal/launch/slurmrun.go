package launch

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/folder"
	"qm/cmd/qmserver/internal/runfile"
	"qm/cmd/qmserver/internal/slurm"
	"qm/cmd/qmserver/internal/supervise"
	"qm/pkg/layout"
)

// order is what is asked for, as it is left in the job's folder for the next
// server.
type order struct {
	supervise.Job
	More supervise.Elsewhere `json:"more"`
}

// slurmRun is a run that Slurm has, or is to get.
type slurmRun struct {
	job   order
	token string
	line  runfile.Line // of its start
	found string       // the run file of an earlier server that told of it; empty: it is our own
	in    *ledger      // nil: it has not been given to Slurm
	dir   *os.Root     // the job's folder, wherever it is moved; nil: it can't be found
	tries int          // to go on with its run file
	blind bool         // its order can't be read: it can't be given to Slurm once more

	asked  time.Time // when sbatch was last asked; zero: never by us
	left   slurm.Left
	jobs   []slurm.Job
	missed int
	over   time.Time // since when its end is near; zero: it is not
	exit   *slurm.Exit

	nice   int // that Slurm was told
	wishes *supervise.Wishes
	cause  *slurm.Cause
	ending time.Time // when scancel was last asked

	logged bool // its last line stands in its log

	words string // that were told
	began bool   // that was told
}

func (r *slurmRun) id() disk.Identity {
	if r.found != "" {
		return r.line.Identity
	}
	return r.job.Identity
}

// open finds the folder of a run of an earlier server, and what that had ordered.
// An error says that it may be found later.
func (r *slurmRun) open(tree string) error {
	r.job.Ref = folder.Ref{Identity: r.line.Identity, Parent: layout.Tree(tree).Folder(layout.Running), JobID: r.line.JobID}
	dir, err := folder.Open(r.job.Ref)
	if errors.Is(err, folder.ErrGone) {
		r.blind = true
		return nil
	}
	if err != nil {
		return err
	}
	o, since, err := readOrder(dir, r.token, r.line.Identity)
	if err != nil {
		return errors.Join(err, dir.Close())
	}
	if o == nil {
		r.blind = true
		o = &order{Job: supervise.Job{
			NbProc: r.line.NbProc, Memory: r.line.Memory, Owner: r.line.Owner, EMail: r.line.EMail,
			Attempt: r.line.Attempt, Rerun: r.line.Rerun,
		}}
	}
	ref := r.job.Ref
	r.dir, r.job = dir, *o
	r.job.Ref, r.job.Elsewhere = ref, o.More
	r.wishes, _ = supervise.NewWishes(dir, since)
	return nil
}

// readOrder returns nil if there is none, or none that was left for this folder.
func readOrder(dir *os.Root, token string, id disk.Identity) (*order, int64, error) {
	data, since, err := slurm.Order(dir, token)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, layout.ErrNotRegular) || errors.Is(err, layout.ErrTooLarge) {
		return nil, since, nil
	}
	if err != nil {
		return nil, 0, err
	}
	o := new(order)
	if json.Unmarshal(data, o) != nil || o.Identity != id {
		o = nil
	}
	return o, since, nil
}

// lose lets go of the folder if it was taken from its place, and tells whether it
// was: what was left in it can't be looked into any more, then.
func (r *slurmRun) lose() bool {
	if r.dir != nil && !supervise.IsAt(r.job.Ref) {
		r.close()
	}
	return r.dir == nil
}

// prepare readies the folder for the run: another log, and word of what sbatch is
// about to be asked.
func (r *slurmRun) prepare() error {
	if err := supervise.BeginLog(r.dir); err != nil {
		return err
	}
	data, err := json.Marshal(r.job)
	if err == nil {
		err = slurm.Prepare(r.dir, r.token, data)
	}
	if err != nil {
		return err
	}
	_, since, err := slurm.Order(r.dir, r.token)
	if err != nil {
		return err
	}
	var ignored []string
	r.wishes, ignored = supervise.NewWishes(r.dir, since)
	for _, name := range ignored {
		r.job.Notes = append(r.job.Notes, "a file named "+layout.Display(name)+" lay in the folder before the start and is ignored")
	}
	return nil
}

// request is what sbatch is asked for.
func (r *slurmRun) request(site []string, patience time.Duration) slurm.Request {
	name, _ := r.job.Name()
	path := filepath.Join(r.job.Parent, name)
	q := slurm.Request{
		Script: slurm.Script{
			Folder: path, Shown: layout.Display(path), Job: name, Token: r.token,
			Argv: r.job.Args, NbProc: r.job.NbProc, Threads: !r.job.More.Slurm.Processors, Patience: patience,
			Notes: slices.DeleteFunc(slices.Clone(r.job.Notes), func(n string) bool { return slices.Contains(r.job.More.Slurm.Ignored, n) }),
		},
		Placed: r.job.More.Slurm.Processors, Memory: r.job.Memory, Limit: r.job.Limit, Nice: r.nice,
	}
	q.Notes = append(q.Notes, slurm.Remarks(r.job.More.Slurm.Lines)...)
	if len(q.Argv) == 0 {
		q.Argv = []string{"/bin/sh", "-c", r.job.Command}
	}
	if len(site) > 0 {
		q.Directives = append(q.Directives, slurm.Directive(site))
	}
	q.Directives = append(q.Directives, r.job.More.Slurm.Lines...)
	if !r.job.More.Slurm.GPUs {
		q.GPUs = r.job.More.NbGPU
	}
	return q
}

// starting is the line of its run file that comes before sbatch.
func (r *slurmRun) starting(now time.Time) runfile.Line {
	return runfile.Line{
		Event: runfile.Starting, At: now, Identity: r.job.Identity, JobID: r.job.JobID, Attempt: r.job.Attempt,
		NbProc: r.job.NbProc, Memory: r.job.Memory, Owner: r.job.Owner, EMail: r.job.EMail, Rerun: r.job.Rerun, Token: r.token,
	}
}

// judge puts together what is known of the run.
func (r *slurmRun) judge(answers bool, patience time.Duration) slurm.Verdict {
	c := slurm.Case{
		Left: r.left, Astray: r.dir == nil,
		Jobs: r.jobs, Exit: r.exit, Missed: r.missed, Answers: answers,
		Doubtful: time.Since(r.asked) < patience,
		Cause:    r.cause, Limit: r.job.Limit, Memory: r.job.Memory,
	}
	living := slices.ContainsFunc(r.jobs, func(j slurm.Job) bool { return !j.Final() })
	near := r.left.Status != nil || !living && (len(r.jobs) > 0 || r.missed > 1)
	switch {
	case !near:
		r.over = time.Time{}
	case r.over.IsZero():
		r.over = time.Now()
	}
	c.Patient = near && time.Since(r.over) < patience
	v := c.Judge()
	if v.Action == slurm.Resubmit && r.blind {
		v.Action = slurm.Revoke
	}
	return v
}

// lastJob is the id of the Slurm job that has begun the run, or of the last one.
func (r *slurmRun) lastJob() string {
	if c := r.left.Claim; c != nil && slices.ContainsFunc(r.jobs, func(j slurm.Job) bool { return j.ID == c.Job }) {
		return c.Job
	}
	return r.jobs[len(r.jobs)-1].ID
}

// close lets go of the folder.
func (r *slurmRun) close() {
	if r.dir != nil {
		_ = r.dir.Close()
		r.dir = nil
	}
}
