package launch

import (
	"context"
	"slices"
	"time"

	"qm/cmd/qmserver/internal/slurm"
	"qm/cmd/qmserver/internal/supervise"
	"qm/pkg/layout"
)

// ask asks Slurm once how all its jobs are. Without an answer nothing is known of
// any.
func (s *Slurm) ask(ctx context.Context) {
	then := time.Now()
	jobs, err := s.client.Queue(ctx)
	if ctx.Err() != nil {
		return
	}
	if s.contact.answered(then, err == nil) {
		s.tellContact(err)
	}
	if err != nil {
		return
	}
	by := make(map[string][]slurm.Job)
	for _, j := range jobs {
		by[j.Token] = append(by[j.Token], j)
	}
	for _, r := range s.runs {
		s.hear(r, by[r.token])
		delete(by, r.token)
	}
	s.noteForeign(by)
	s.looked = time.Time{} // what it says is judged with what the folders say now
	s.rescue()
}

func (s *Slurm) tellContact(err error) {
	c := &Contact{}
	if err != nil {
		c.Since, c.Reason = s.contact.heard, "Slurm does not answer: "+err.Error()
		if c.Since.IsZero() {
			c.Since = s.contact.tried
		}
		s.log.Error("no answer from Slurm; nothing is known of its jobs until there is one", "error", err)
	} else {
		s.log.Info("answer from Slurm again")
	}
	s.tell(Event{Contact: c})
}

// hear takes what Slurm says of a run.
func (s *Slurm) hear(r *slurmRun, jobs []slurm.Job) {
	if len(jobs) > 0 {
		r.jobs, r.missed = jobs, 0
		return
	}
	if r.missed++; r.missed > 1 {
		r.jobs = nil // forgotten
	}
}

// noteForeign remembers the Slurm jobs of this tree that are none of our runs and
// have not ended: perhaps no run file tells of them.
func (s *Slurm) noteForeign(by map[string][]slurm.Job) {
	foreign := make(map[string]string)
	for token, jobs := range by {
		i := slices.IndexFunc(jobs, func(j slurm.Job) bool { return !j.Final() })
		if i >= 0 && slurm.IsOf(s.tree, token) {
			foreign[token] = jobs[i].ID
		}
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	s.foreign, s.heard = foreign, true
	s.haunted = s.haunted && len(foreign) > 0
}

// rescue writes down anew which runs go on, where somebody has taken a run file
// away.
func (s *Slurm) rescue() {
	for _, in := range s.ledgers.open {
		if !s.ledgers.lost(in) {
			continue
		}
		s.log.Error("a run file was taken away; it is written anew", "run", in.name)
		s.ledgers.leave(in)
		for _, r := range s.runs {
			if r.in != in {
				continue
			}
			anew, err := s.ledgers.begin(r.line)
			if err != nil {
				s.log.Error("run file can't be written anew; it is tried again", "error", err)
				return
			}
			in.runs--
			r.in = anew
		}
		s.ledgers.leave(in)
	}
}

// look looks into the folders of all runs and does what is to be done about each.
func (s *Slurm) look(ctx context.Context) {
	then := time.Now()
	var end []string
	s.locked = slices.DeleteFunc(s.locked, s.adopt)
	for _, r := range s.runs {
		if !s.read(r) {
			continue
		}
		if i := slices.Index(s.waiting, r); i >= 0 {
			if r.cause == nil {
				continue
			}
			s.waiting = slices.Delete(s.waiting, i, i+1)
			r.missed = max(r.missed, 2) // it was not given to Slurm, or was lost there
		}
		s.act(ctx, r)
		end = append(end, s.toEnd(r)...)
	}
	s.renice(ctx)
	s.looked = time.Now()
	s.looking = s.looked.Sub(then)
	if len(end) > 0 && !s.contact.lost() {
		s.log.Info("asking Slurm to end jobs", "slurm_jobs", end)
		if err := s.client.Cancel(ctx, end); err != nil {
			s.log.Warn("jobs can't be ended; Slurm is asked again", "error", err)
		}
		s.contact.news = true
	}
}

// read looks into the folder of a run: what was left there, and whether somebody
// asks it to stop. If it can't be looked into, nothing is to be judged.
func (s *Slurm) read(r *slurmRun) bool {
	if r.dir != nil {
		left, err := slurm.Read(r.dir, r.token)
		if err != nil && !r.lose() {
			s.log.Warn("folder of a job can't be looked into; it is tried again", "job", r.shown(), "error", err)
			return false
		}
		if err == nil {
			s.learn(r, left)
		}
	}
	if why := r.askedToStop(); why != "" {
		s.stop(r, &slurm.Cause{Outcome: layout.Stopped, Reason: why})
	}
	return true
}

// learn takes what was left of a run. Its record tells of one that has begun.
func (s *Slurm) learn(r *slurmRun, left slurm.Left) {
	begun := r.left.Claim != nil
	r.left = left
	if begun || left.Claim == nil {
		return
	}
	s.contact.news = true
	if left.Status == nil {
		_ = s.record(r, nil) // a copy
	}
}

// askedToStop tells why a run is to end, in words, or "".
func (r *slurmRun) askedToStop() string {
	switch {
	case r.cause != nil:
		return ""
	case r.dir == nil:
		return supervise.TakenOut()
	}
	if why := r.wishes.ByFile(r.job.Ref); why != "" {
		return why
	}
	return supervise.LogTooLong(r.dir, r.job.MaxLog)
}

// act does about a run what is to be done.
func (s *Slurm) act(ctx context.Context, r *slurmRun) {
	s.learnExit(ctx, r)
	v := r.judge(!s.contact.lost(), s.opt.Patience)
	if v.Action == slurm.Revoke {
		if _, err := slurm.Withdraw(r.dir, r.token); err != nil && !r.lose() {
			s.log.Warn("run can't be withdrawn; it is tried again", "job", r.shown(), "error", err)
			return
		}
		if !s.read(r) {
			return
		}
		v = r.judge(!s.contact.lost(), s.opt.Patience)
	}
	switch v.Action {
	case slurm.Follow, slurm.Revoke:
		s.say(r, v.Words)
	case slurm.Conclude:
		s.conclude(r, v)
	case slurm.Return, slurm.Reject:
		s.giveBack(r, supervise.Ended{Identity: r.id(), NotRun: v.Words, Passing: v.Action == slurm.Return})
	case slurm.Resubmit:
		s.log.Warn("job is not known to Slurm and has not begun; it is given to it once more", "job", r.shown())
		s.waiting = append(s.waiting, r)
		s.say(r, v.Words)
	}
}

// learnExit asks Slurm, once, how a job ended that has left no status.
func (s *Slurm) learnExit(ctx context.Context, r *slurmRun) {
	living := slices.ContainsFunc(r.jobs, func(j slurm.Job) bool { return !j.Final() })
	if len(r.jobs) == 0 || living || r.left.Status != nil || r.exit != nil || s.contact.lost() {
		return
	}
	if e, known := s.client.Exit(ctx, r.lastJob()); known {
		r.exit = &e
	}
}

// again is how often Slurm is asked to end what does not end.
const again = 30 * time.Second

// toEnd returns the Slurm jobs of a run that is to end, and that Slurm was not
// asked to end lately.
func (s *Slurm) toEnd(r *slurmRun) []string {
	if r.cause == nil || r.left.Status != nil || time.Since(r.ending) < again {
		return nil
	}
	var ids []string
	for _, j := range r.jobs {
		if !j.Final() {
			ids = append(ids, j.ID)
		}
	}
	if len(ids) > 0 && !s.contact.lost() {
		r.ending = time.Now()
	}
	return ids
}

// say tells how a run is, if that is another thing than what was told.
func (s *Slurm) say(r *slurmRun, words string) {
	began := r.left.Claim != nil && !r.left.Claim.Withdrawn()
	if words == r.words && began == r.began {
		return
	}
	r.words, r.began = words, began
	state := &State{Words: words}
	if began {
		state.Began = r.left.Claim.At
	}
	s.tell(Event{Identity: r.id(), State: state})
}
