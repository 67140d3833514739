package launch

import (
	"context"
	"errors"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/probe"
	"qm/cmd/qmserver/internal/slurm"
	"qm/cmd/qmserver/internal/supervise"
	"qm/pkg/layout"
)

const (
	// lookShare is what part of the time looking into the jobs' folders may take.
	lookShare = 20
	// lookOften is how many times more often that is done than Slurm is asked.
	lookOften = 20
)

// work does all that is due, until ctx ends.
func (s *Slurm) work(ctx context.Context) {
	defer close(s.ended)
	defer func() {
		for _, r := range s.runs {
			r.close()
		}
		s.ledgers.close()
	}()
	wake := time.NewTimer(time.Hour)
	defer wake.Stop()
	for ctx.Err() == nil {
		more := s.take()
		more = s.submit(ctx) || more
		if s.due() {
			s.ask(ctx)
		}
		if !time.Now().Before(s.nextLook()) {
			s.look(ctx)
		}
		s.note()
		if more {
			continue
		}
		wake.Reset(time.Until(s.next()))
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-wake.C:
		}
	}
}

// next is when something is due that nobody tells of.
func (s *Slurm) next() time.Time {
	const far = time.Hour
	next := time.Now().Add(far)
	if s.asks() {
		next = minTime(next, s.contact.next())
	}
	if len(s.runs)+len(s.locked) > 0 {
		next = minTime(next, s.nextLook())
	}
	return next
}

func minTime(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// asks tells whether there is something to ask Slurm for.
func (s *Slurm) asks() bool {
	s.lock.Lock()
	defer s.lock.Unlock()
	return len(s.runs) > 0 || s.haunted || !s.heard && !s.opt.Here
}

func (s *Slurm) due() bool { return s.asks() && !time.Now().Before(s.contact.next()) }

// nextLook is when the folders are looked at again: the sooner, the quicker that
// was.
func (s *Slurm) nextLook() time.Time {
	pause := max(s.opt.Every/lookOften, lookShare*s.looking)
	return s.looked.Add(min(pause, s.opt.Every))
}

// take takes in what the methods have left, one job at a time, and tells whether
// there is more.
func (s *Slurm) take() bool {
	s.lock.Lock()
	var r *slurmRun
	if len(s.inbox) > 0 {
		r = s.inbox[0]
		s.inbox = s.inbox[1:]
	}
	more, stops, idle := len(s.inbox) > 0, s.stops, s.idle
	s.stops, s.idle = nil, false
	s.lock.Unlock()
	switch {
	case r == nil:
	case r.found == "":
		s.begin(r)
	case s.adopt(r):
	default:
		s.locked = append(s.locked, r)
	}
	for _, id := range stops {
		if r := s.runs[id]; r != nil {
			s.stop(r, &slurm.Cause{Outcome: layout.Stopped, Reason: supervise.ByOperator})
		}
	}
	if idle {
		s.ledgers.retire()
	}
	return more
}

// worthTelling is how often a run file may be found locked: who reads it locks it,
// too, for a moment.
const worthTelling = 5

// adopt goes on with a run of an earlier server, and tells whether it could.
func (s *Slurm) adopt(r *slurmRun) bool {
	if known := s.runs[r.id()]; known != nil && known.token == r.token {
		return true
	}
	err := r.open(s.tree)
	if err == nil {
		r.in, err = s.ledgers.adopt(r.found)
	}
	if err != nil {
		r.close()
		if r.tries++; r.tries == worthTelling {
			s.log.Warn("run file can't be gone on with; it is tried again", "run", r.found, "error", err)
		}
		return false
	}
	r.asked = time.Now()
	s.runs[r.id()] = r
	s.contact.news = true
	return true
}

// begin makes it durable that a run is about to begin, and lets it wait for its
// turn to be given to Slurm.
func (s *Slurm) begin(r *slurmRun) {
	dir, err := supervise.OpenFor(&r.job.Job)
	if err == nil {
		r.dir, r.token = dir, slurm.NewToken(s.tree)
		r.line = r.starting(time.Now())
		r.in, err = s.ledgers.begin(r.line)
	}
	if err != nil {
		// What a disk that fails has kept of the line the run files tell.
		unsure := dir != nil && !disk.IsNoRoom(err)
		r.close()
		s.tell(Event{Identity: r.id(), Gone: unsure, Ended: supervise.NotRun(r.id(), err)})
		return
	}
	s.runs[r.id()] = r
	if err := r.prepare(); err != nil {
		s.giveBack(r, supervise.NotRun(r.id(), err))
		return
	}
	if err := slurm.Check(r.job.More.Slurm.Options, r.job.More.Slurm.Lines); err != nil {
		s.giveBack(r, supervise.Ended{Identity: r.id(), NotRun: err.Error()})
		return
	}
	s.waiting = append(s.waiting, r)
	s.say(r, "about to be given to Slurm")
}

// stop notes why a run is to end; the first reason counts.
func (s *Slurm) stop(r *slurmRun, why *slurm.Cause) {
	if r.cause != nil || r.left.Status != nil {
		return
	}
	r.cause = why
	if r.dir != nil {
		supervise.SayInLog(r.dir, "%s: %s", why.Outcome, why.Reason)
	}
	s.contact.news = true
}

// submit gives the first run that waits to Slurm, and tells whether there may be
// another one to be given at once.
func (s *Slurm) submit(ctx context.Context) bool {
	if len(s.waiting) == 0 || s.contact.lost() {
		return false
	}
	r := s.waiting[0]
	s.waiting = s.waiting[1:]
	s.contact.news = true
	r.asked, r.missed = time.Now(), 0
	r.nice = slurm.Nice(r.job.More.Priority, s.top())
	probe.Step("slurm: submit")
	id, err := s.client.Submit(ctx, r.request(s.opt.Options, s.opt.Patience))
	probe.Step("slurm: submitted")
	failure, failed := errors.AsType[*slurm.Failure](err)
	switch {
	case !failed:
		r.jobs = append(r.jobs, slurm.Job{ID: id, Token: r.token, State: "PENDING"})
		s.log.Info("job given to Slurm", "job", r.shown(), "slurm_job", id)
		s.say(r, r.jobs[len(r.jobs)-1].Words())
	case ctx.Err() != nil: // the next server finds out
	case failure.Unknown():
		s.log.Warn("it is not known whether Slurm has the job", "job", r.shown(), "error", failure)
		s.say(r, "given to Slurm, which has not answered: "+failure.Text)
	default:
		s.log.Warn("job is not taken by Slurm", "job", r.shown(), "error", failure)
		s.revoke(r, failure.Text, failure.Passing())
	}
	return true
}

// revoke has a run not begin that Slurm has not taken. If somebody has begun it
// all the same, it is followed.
func (s *Slurm) revoke(r *slurmRun, why string, passing bool) {
	if r.dir == nil {
		return // nobody finds it to begin there
	}
	never, err := slurm.Withdraw(r.dir, r.token)
	if err != nil {
		s.log.Warn("run can't be withdrawn; it is tried again", "job", r.shown(), "error", err)
		return
	}
	if never {
		s.giveBack(r, supervise.Ended{Identity: r.id(), NotRun: "Slurm says: " + why, Passing: passing})
	}
}

// note leaves for the methods what they may be asked for.
func (s *Slurm) note() {
	s.lock.Lock()
	defer s.lock.Unlock()
	clear(s.keeps)
	for name := range s.ledgers.open {
		s.keeps[name] = true
	}
}
