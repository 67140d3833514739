package supervise

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"time"

	"qm/cmd/qmserver/internal/cgroup"
	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/folder"
	"qm/cmd/qmserver/internal/proc"
	"qm/cmd/qmserver/internal/runfile"
	"qm/pkg/layout"
)

// attempt is one run of one job.
type attempt struct {
	*Job
	base      *environment
	name      string
	dir       *os.Root // the job's folder, wherever it is moved
	log       *jobLog
	control   *control
	procs     *processes
	group     *cgroup.Limited // nil: the kernel does not hold it to its memory
	started   time.Time
	begun     runfile.Line
	meter     *proc.Meter
	oomKills  int64  // how many processes the kernel had ended for lack of memory, some time after the start; -1: not asked
	excessive bool   // it was stopped for what it used
	flooded   bool   // that was its log, and it went on to fill it, perhaps
	cause     *cause // why it was stopped; nil: it was not
}

// perform takes a job from its folder to its durable end. An error means that
// the run file can't be written any more: the supervisor must go.
func (s *supervisor) perform(job *Job, asOwner bool) (Ended, error) {
	answer := Ended{Identity: job.Identity}
	a, err := s.prepare(job, asOwner)
	if err != nil {
		answer.notRun(err)
		return answer, nil
	}
	defer a.close()
	a.started = time.Now()
	a.log.start(a)
	a.begun = runfile.Line{
		Event: runfile.Starting, At: a.started, Identity: job.Identity,
		JobID: job.JobID, Attempt: job.Attempt, NbProc: job.NbProc, CPUs: job.CPUs, GPUs: job.GPUs, Memory: job.Memory,
		Owner: job.Owner, EMail: job.EMail, Rerun: job.Rerun,
	}
	err = s.run.Append(a.begun)
	if disk.IsNoRoom(err) {
		_ = a.dir.Remove(layout.JobLog) // or each try would set one more aside
		answer.notRun(err)
		return answer, nil
	}
	if err != nil {
		return answer, err
	}
	answer.End = s.execute(a)
	finished := time.Now()
	s.answer(freedAnswer{&job.Identity})
	a.log.restore(a.dir)
	err = untilRoom(func() error { return a.writeRecord(&finish{finished, answer.End, a.procs.usage()}) })
	if err != nil {
		a.log.say("its record can't be written: %v", err)
	}
	_ = untilRoom(func() error { return a.log.finish(finished, answer.End, a.cause == nil || a.flooded) })
	return answer, untilRoom(func() error {
		return s.run.Append(runfile.Line{
			Event: runfile.Ended, At: finished, Started: a.started, Identity: job.Identity,
			JobID: job.JobID, Attempt: job.Attempt, Owner: job.Owner, EMail: job.EMail, Rerun: job.Rerun, End: &answer.End,
		})
	})
}

// untilRoom does what an end needs to be known by, again and again while the
// disk has no room for it.
func untilRoom(do func() error) error {
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		err := do()
		if !disk.IsNoRoom(err) {
			return err
		}
		time.Sleep(pause)
	}
}

// prepare opens the job's folder, checks that it is the one that was claimed,
// goes there and opens its log.
func (s *supervisor) prepare(job *Job, asOwner bool) (*attempt, error) {
	name, err := job.Name()
	if err != nil {
		return nil, err
	}
	dir, err := folder.Open(job.Ref)
	if err != nil {
		return nil, err
	}
	if asOwner {
		err = folder.CheckOwner(dir)
	}
	if err == nil {
		err = job.verify(dir)
	}
	if err == nil {
		err = folder.Enter(dir)
	}
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	a := &attempt{Job: job, oomKills: -1, meter: &s.meter, base: s.base, name: name, dir: dir, control: watchControl(dir), procs: newProcesses(job, s.signals.child)}
	a.log, err = openLog(dir)
	if err != nil {
		return nil, errors.Join(err, os.Chdir(string(os.PathSeparator)), dir.Close())
	}
	return a, nil
}

// errChanged says that the folder is not as it was when it was found complete.
var errChanged = errors.New("something in it has changed since it was found complete")

// verify reads the tree again, after the claim and before the start: nothing
// may have come to it, and nothing be open for writing; HOLD counts until now.
func (j *Job) verify(dir *os.Root) error {
	if j.Proof == 0 {
		return nil
	}
	now, err := folder.ReadTree(dir)
	if err != nil {
		return err
	}
	if now.Proof() != j.Proof || now.Open != "" || now.Hold {
		return errChanged
	}
	return nil
}

// close lets go of the folder: a working directory would keep its file system
// busy, and on Windows the folder itself.
func (a *attempt) close() {
	_ = os.Chdir(string(os.PathSeparator))
	_ = a.log.Close()
	_ = a.dir.Close()
}

// execute starts the job and sees it to the end of its last process.
func (s *supervisor) execute(a *attempt) runfile.End {
	a.limit()
	defer a.group.Close()
	if err := s.fork(a); err != nil {
		return cannotStart(err)
	}
	s.watch(a)
	return a.end()
}

// fork starts the job's first process. What that is to have of a thread, it has
// of the one that forks it. Its death signal (PDEATHSIG) comes when that thread
// ends, and no thread of ours does before all do: the runtime ends those only
// whose goroutine ends and is locked to it.
func (s *supervisor) fork(a *attempt) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	proc.Punctual()
	unpin := a.pin()
	err := a.procs.start(a.argv(), a.environ(), a.log.File, a.group)
	if unpin() != nil {
		s.ending = true // another job would be held to the processors of this one
	}
	return err
}

// pin lets this thread, and so the job that it forks, run on the job's own
// processors, until unpin. Where that can't be, the job may use all that the
// server may, which may be fewer by now than when this process was started.
func (a *attempt) pin() (unpin func() error) {
	if len(a.CPUs) > 0 {
		unpin, err := proc.Pin(a.CPUs)
		if err == nil {
			return unpin
		}
		a.log.say("it is not pinned to processors of its own: %v", err)
		a.CPUs = nil // for the record
	}
	if len(a.Allowed) > 0 {
		if unpin, err := proc.Pin(a.Allowed); err == nil {
			return unpin
		}
	}
	return func() error { return nil }
}

// limit has the kernel hold the job to its memory, where it does that. The guard
// looks after it all the same: it knows how much it was.
func (a *attempt) limit() {
	if a.Memory > 0 && a.Group != "" {
		a.group, _ = cgroup.Limit(a.Group, a.Memory)
	}
}

// cannotStart is the end of a job whose program could not be executed: the
// codes are those of a shell, see sh(1) "exit status".
func cannotStart(err error) runfile.End {
	code := notExecuted
	if errors.Is(err, fs.ErrNotExist) {
		code = notFound
	}
	return runfile.End{Outcome: layout.Failed, ExitCode: &code, Reason: fmt.Sprintf("could not be executed: %v", err)}
}

// end tells how the job ended, now that nothing of it is left.
func (a *attempt) end() runfile.End {
	var end runfile.End
	status := a.procs.first()
	if status.signal != 0 {
		end.Signal = &status.signal
	} else {
		end.ExitCode = &status.code
	}
	switch {
	case a.cause != nil:
		end.Outcome, end.Reason = a.cause.outcome, a.cause.reason
	case status.signal != 0 || status.code != 0:
		end.Outcome = layout.Failed
		end.Reason = cmp.Or(unexplained(status, a.oomKills, a.meter.Killed()), a.stumbled(status))
	default:
		end.Outcome = layout.Succeeded
	}
	return end
}

// notRun tells people why a job was not started, and whether that may pass.
func (e *Ended) notRun(err error) {
	switch {
	case errors.Is(err, errChanged):
		e.NotRun, e.Changed = err.Error(), true
	case errors.Is(err, layout.ErrNotRegular):
		e.NotRun = layout.JobLog + " in its folder is not a regular file; remove it and drop the folder again"
	case errors.Is(err, fs.ErrPermission):
		e.NotRun = fmt.Sprintf("%v; its user needs to read and write the folder, see chmod(1)", err)
	default:
		e.NotRun, e.Passing = err.Error(), true
	}
}
