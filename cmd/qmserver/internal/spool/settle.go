package spool

import (
	"fmt"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/folder"
	"qm/cmd/qmserver/internal/launch"
	"qm/cmd/qmserver/internal/runfile"
	"qm/pkg/layout"
)

// allEnded takes what the launcher says, and all that it has said meanwhile: what
// ends together is moved together.
func (s *Spool) allEnded(first launch.Event) {
	s.ended(first)
	for {
		select {
		case e := <-s.launcher.Events():
			s.ended(e)
		default:
			return
		}
	}
}

// ended takes what the launcher says of a job. Its slots are free at once,
// even when its folder can't be moved yet.
func (s *Spool) ended(e launch.Event) {
	j := s.jobs.all[e.Identity]
	switch {
	case e.Undying != "":
		s.keeps(j, e.Undying)
		return // the launcher's log tells of it
	case s.heard(e):
		return
	}
	if _, ghost := s.ghosts[e.Identity]; ghost {
		s.laid(e.Identity, j)
		return
	}
	if j == nil || j.phase != running && j.phase != closing {
		s.log.Warn("end of a job that is not known", "run", e.Ended.Outcome)
		return
	}
	now := time.Now()
	s.dirty = true
	if !e.Freed.IsZero() {
		j.ended = e.Freed // we may have waited for a disk since
		s.passedBy(j)
		s.jobs.enter(j, closing)
		return
	}
	if e.Stay {
		j.info.Rerun = false
	}
	j.ran(e.Ran)
	switch {
	case e.Gone:
		v := judge(s.launcher.Runs(), j.Identity, int(j.uid))
		if e.Lost && v.said == saidNothing {
			v.said = saidUnreadable
		}
		s.apply(j, v, now)
		if j.phase == over && j.move.to == layout.Queued {
			// A supervisor that can't even begin will not do better at once.
			j.move.later = "its supervisor died before the start; it is tried again"
		}
	case e.Ended.Changed:
		j.move = move{from: layout.Running, to: layout.Queued, why: "something in it has changed since it was found complete"}
		s.settle(j, now)
	case e.Ended.Passing:
		j.move = move{from: layout.Running, to: layout.Queued, why: e.Ended.NotRun, later: fmt.Sprintf("could not be started (%s); it is tried again", e.Ended.NotRun)}
		s.settle(j, now)
	case e.Ended.NotRun != "":
		s.reject(j, e.Ended.NotRun)
	case e.Ended.Outcome == layout.Interrupted:
		s.interrupted(j, e.Ended.End, true, now)
	default:
		s.finish(j, e.Ended.End, now)
	}
}

// keeps notes for the page that something of a job does not die, so that it
// keeps its slots, and tells whether that is news.
func (s *Spool) keeps(j *job, undying string) bool {
	if j == nil || j.phase != running || j.undying == undying {
		return false
	}
	j.undying, s.dirty = undying, true
	return true
}

// tellUndying takes notice of what the supervisors say does not die.
func (s *Spool) tellUndying(runs launch.Runs) {
	for _, run := range runs.Files {
		for id, line := range run.Last {
			if j := s.jobs.all[id]; line.Undying != "" && j != nil && run.Knows(int(j.uid)) && s.keeps(j, line.Undying) {
				s.log.Error("processes do not die; the job keeps its slots", "job", j.shown(), "processes", line.Undying)
			}
		}
	}
}

// laid takes notice that nothing is left of a run whose folder was taken away.
// If that lies in the queue, as j, it may run.
func (s *Spool) laid(id disk.Identity, j *job) {
	delete(s.ghosts, id)
	s.dirty = true
	if j != nil && j.phase.queued() && j.course != nil {
		s.jobs.untroubled(j)
	}
}

// finish sends a job that ended to done.
func (s *Spool) finish(j *job, end runfile.End, now time.Time) {
	j.move = move{from: layout.Running, to: layout.Done, end: end}
	s.outcomes.note(j.Identity, end.Outcome, now)
	if j.ended.IsZero() {
		j.ended = now
	}
	s.settle(j, now)
}

// reject sends a job that can't be run to lost.
func (s *Spool) reject(j *job, reason string) {
	from := layout.Queued
	if j.phase == running || j.phase == closing {
		from = layout.Running
	}
	j.begin().move = move{from: from, to: layout.Lost, end: runfile.End{Outcome: layout.Rejected, Reason: reason}}
	s.settle(j, time.Now())
}

// interrupted sends a job whose run was cut back to the queue if it asks for
// that and has attempts left, else to lost. Its supervisor has told the reason
// in its folder, unless that was cut too.
func (s *Spool) interrupted(j *job, end runfile.End, told bool, now time.Time) {
	if j.info.Rerun && j.attempt < maxAttempts {
		j.attempt++
		j.move = move{from: layout.Running, to: layout.Queued, end: end, why: fmt.Sprintf("interrupted, attempt %d follows", j.attempt)}
	} else {
		j.move = move{from: layout.Running, to: layout.Lost, end: end, told: told}
	}
	s.settle(j, now)
}

// settle moves a job that is over, which is settled once that is durable; if it
// fails it is tried again later.
func (s *Spool) settle(j *job, now time.Time) {
	s.unwatch(j)
	s.jobs.enter(j, over)
	s.dirty = true
	if j.move.to == layout.Lost && !j.move.told {
		s.leaveReason(j, now) // and then here again
		return
	}
	if s.owesLetter(j) {
		s.writeLetter(j, now) // and then here again
		return
	}
	if s.commits.underWay() || s.ousted {
		s.commits.deferred = append(s.commits.deferred, j) // and then here again
		return
	}
	err := s.moveJob(j, j.move.from, j.move.to)
	switch {
	case err != nil && gone(err) && s.treeIsThere():
		s.log.Info("job's folder was taken away", "job", j.shown(), "outcome", j.move.end.Outcome)
		s.drop(j)
		s.list.again, s.nextPoll = true, now // it may lie there under another name
		s.known = false
	case err != nil:
		s.postpone(j, j.move.from, j.move.to, now, err)
	}
}

// settled tells of a job that lies where it belongs.
func (s *Spool) settled(j *job) {
	s.jobs.untroubled(j)
	s.dirty = true
	end := j.move.end
	switch j.move.to {
	case layout.Done:
		s.log.Info("job finished", "job", j.shown(), "outcome", end.Outcome, "status", statusOf(end), "seconds", j.took().Seconds())
	case layout.Lost:
		s.log.Warn("job parked", "job", j.shown(), "outcome", end.Outcome, "reason", end.Reason)
		s.outcomes.note(j.Identity, end.Outcome, time.Now())
		s.closeAccount(j)
	case layout.Queued:
		s.backInQueue(j)
		return
	case layout.Running:
	}
	s.letGo(j)
	s.count(j)
	s.drop(j)
	s.passed(j)
	if j.move.back != "" {
		s.appeared(j.move.back, j.move.came || s.wasWhole(j.Identity), time.Now())
	}
}

// backInQueue puts a job at its old place. One that was claimed ahead is still
// known to be complete if a look finds what its proof says, and meanwhile holds
// back those behind it; any other may have been changed in between.
func (s *Spool) backInQueue(j *job) {
	now := time.Now()
	if j.move.ahead {
		s.log.Info("job back in the queue", "job", j.shown(), "reason", j.move.why)
	} else {
		s.log.Warn("job back in the queue", "job", j.shown(), "reason", j.move.why)
	}
	j.reading, j.moved = nil, false
	if j.move.ahead {
		s.jobs.enter(j, waiting)
	} else {
		j.proven = 0
		s.jobs.enter(j, arriving)
	}
	s.arrivals.note(j)
	s.observe(j, now)
	s.stir(j.Name)
	if j.move.later != "" {
		s.jobs.postpone(j, now, j.move.later)
	}
}

// closeAccount makes durable that a parked job which comes back is a new one,
// whose attempts are counted from 1. Before it was moved that would have had it
// run again.
func (s *Spool) closeAccount(j *job) {
	if j.move.end.Outcome != layout.Interrupted {
		return
	}
	if err := s.launcher.Release(j.Identity, int(j.uid), 1); err != nil {
		s.log.Warn("run files can't be cleared away", "error", err)
	}
}

func statusOf(end runfile.End) string {
	switch {
	case end.Signal != nil:
		return fmt.Sprintf("signal %d", *end.Signal)
	case end.ExitCode != nil:
		return fmt.Sprintf("code %d", *end.ExitCode)
	}
	return "unknown"
}

func (s *Spool) count(j *job) {
	if j.move.end.Outcome != layout.Succeeded {
		s.result.Failed++
	}
}

// retryMoves tries again what could not be moved.
func (s *Spool) retryMoves(now time.Time) {
	for j := range s.jobs.late {
		if now.Before(j.retry) {
			continue
		}
		pauses := j.pauses
		s.jobs.untroubled(j)
		j.pauses, s.dirty = pauses, true
		if j.phase == over {
			s.settle(j, now)
		} // else the schedule claims it again
	}
}

// told says that a reason was left in a job's folder, or why not.
type told struct {
	disk.Identity
	err error
}

// leaveReason writes into the job's folder why it is lost, beside all else:
// the folder may lie on a disk that does not answer.
func (s *Spool) leaveReason(j *job, now time.Time) {
	why := folder.Reason{Outcome: j.move.end.Outcome, Text: j.move.end.Reason, At: now}
	arrived := j.arrived()
	why.Record = layout.Record{Name: j.shown(), Host: &s.Host, Submitted: &arrived, Attempt: j.attempt}
	if owner := j.know().owner; owner != "" {
		why.Record.Owner = &owner
	}
	if command := j.info.Command; command != "" {
		why.Record.Script = &command
	}
	j.telling = true
	go func(ref folder.Ref, uid int) {
		select {
		case s.told <- told{ref.Identity, s.launcher.LeaveReason(ref, uid, why)}:
		case <-s.quit:
		}
	}(s.ref(j, j.move.from), int(j.uid))
}

// reasonLeft moves the job on, with or without its reason in it.
func (s *Spool) reasonLeft(t told) {
	j := s.jobs.all[t.Identity]
	if j == nil || !j.telling {
		return
	}
	if t.err != nil {
		s.log.Warn("reason can't be left in the job's folder", "job", j.shown(), "error", t.err)
	}
	j.telling, j.move.told = false, true
	s.settle(j, time.Now())
}
