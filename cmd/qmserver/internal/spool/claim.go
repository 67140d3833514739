package spool

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"qm/cmd/qmserver/internal/launch"
	"qm/cmd/qmserver/internal/schedule"
	"qm/cmd/qmserver/internal/supervise"
	"qm/pkg/jobinfo"
	"qm/pkg/layout"
)

// schedule plans, and claims what the plan says, until it says nothing more.
func (s *Spool) schedule(now time.Time) {
	if !s.dirty || !s.mayClaim() {
		return
	}
	s.weighDisk(now)
	if len(s.ready) == 0 { // nobody overtakes those
		s.plan(0, now)
	}
	if s.mayClaimAhead() {
		s.plan(mostAhead, now)
	}
}

// plan claims what starts, or would if there were so many slots more.
func (s *Spool) plan(more int, now time.Time) {
	for tried := true; tried; {
		tried = false
		m := s.machine()
		m.Slots += more
		for i, d := range s.jobs.queue.Plan(m, ahead) {
			switch {
			case d.Start && (s.holds(d.Job, now) || more > 0 && !s.mayBeAhead(d.Job)):
				return // what was tried is planned for once that is over
			case d.Start:
				tried = true
				s.claim(d.Job, now)
			case i < ahead && d.Job.proven == 0 && d.Job.reading == nil && s.looking-s.peeking < maxLooks/2:
				s.observe(d.Job, now) // so that it is ready when its turn comes
			}
		}
	}
}

// firstOrder is how long after the start of the server the first jobs wait for
// those that may go before them: in a long queue, not all info files have been
// read by then.
const firstOrder = time.Second

// holds tells whether a job that may start should wait for those that go before
// it and are about to be found complete, or of which nothing is known yet: else
// the quickest reading would decide the order.
func (s *Spool) holds(j *job, now time.Time) bool {
	first := s.nextListed()
	if first != nil && s.waitsFor(j, first, first.arrived(), now) {
		return true
	}
	if s.opening && s.waitsUntil(s.started.Add(firstOrder), now) {
		return true
	}
	soon := now.Add(max(s.Settle/8, 10*time.Millisecond))
	for t := range s.tours {
		for _, c := range t.jobs {
			if (c.phase == listed || c.phase == arriving && c.mayComplete(soon)) && s.waitsFor(j, c, t.since, now) {
				return true
			}
		}
	}
	if len(s.jobs.by[arriving]) > maxCrowd {
		return false
	}
	for c := range s.jobs.by[arriving] {
		if !c.underWay && c.mayComplete(soon) && !soon.Before(c.due) && s.waitsFor(j, c, c.due, now) {
			return true
		}
	}
	return false
}

// waitsFor tells whether a job should wait for another, which is looked at or
// should be since then.
func (s *Spool) waitsFor(j, other *job, since, now time.Time) bool {
	if !s.jobs.knows(other) || other.phase != listed && other.Priority < j.Priority {
		return false
	}
	if (other.phase == listed || other.Priority == j.Priority) && byArrival(other, j) > 0 {
		return false
	}
	return s.waitsUntil(since.Add(firstPatience), now)
}

func (s *Spool) waitsUntil(till, now time.Time) bool {
	if !now.Before(till) {
		return false
	}
	s.wakeAt(till)
	return true
}

// machine is what counts of the machine for the schedule.
func (s *Spool) machine() schedule.Machine {
	m := schedule.Machine{Slots: s.Slots, GPUs: len(s.GPUs), GPUsUsed: s.gpusUsed(), Memory: s.Memory, Blocking: s.Blocking, Names: make(map[string]bool), Busy: make(map[string]int)}
	for j := range s.jobs.by[running] {
		m.Names[j.Name] = true
		if j.far && !s.Elsewhere {
			continue // of an earlier configuration; it has nothing of what is here
		}
		m.Used += j.NbProc
		m.Reserved += j.memory
		m.Jobs++
		m.Busy[j.Owner] += j.NbProc
	}
	for j := range s.jobs.by[ready] {
		m.Names[j.Name] = true
		m.Used += j.NbProc
		m.Reserved += j.Memory
		m.GPUsUsed += j.NbGPU
		m.Jobs++
		m.Busy[j.Owner] += j.NbProc
	}
	for _, p := range [...]phase{closing, over} {
		for j := range s.jobs.by[p] {
			m.Names[j.Name] = true
		}
	}
	m.Stop = s.stopped()
	if s.Elsewhere {
		m.Most, m.Used = s.Slots, m.Jobs
	}
	return m
}

// stopped tells why nothing starts at all, or "".
func (s *Spool) stopped() string {
	switch {
	case s.ending:
		return "the server ends"
	case len(s.problems) > 0:
		return strings.Join(s.problems, "; ")
	case s.paused:
		return "the queue is paused: remove the file PAUSE from " + layout.Queued.Folder()
	case s.Elsewhere && !s.contact.Since.IsZero():
		return s.contact.Reason
	case s.commits.slow:
		return slowWords
	}
	return s.full
}

// claim moves a job to QM_Jobs, where it is ready once that is durable, if it is
// known to be complete and as it was. What an earlier run of the same folder left
// in the run files is released before.
func (s *Spool) claim(j *job, now time.Time) {
	if j.proven == 0 || j.reading != nil || !s.isAsSeen(j) {
		s.prove(j, now)
		return
	}
	if s.haunts(j) {
		s.jobs.postpone(j, now, "what is left of its earlier run is ended first")
		s.dirty = true
		return
	}
	c := j.begin()
	err := s.launcher.Release(j.Identity, int(j.uid), c.attempt)
	if err == nil {
		err = s.moveJob(j, layout.Queued, layout.Running)
	}
	switch {
	case err != nil && gone(err) && s.treeIsThere():
		s.drop(j)
		s.list.again, s.nextPoll = true, now
		return
	case err != nil:
		s.postpone(j, layout.Queued, layout.Running, now, err)
		return
	}
	s.unwatch(j)
	s.jobs.enter(j, ready)
	c.started, c.ended, c.far, c.state = now, time.Time{}, s.Elsewhere, launch.State{}
}

// launch hands a claimed job to the launcher.
func (s *Spool) launch(j *job, now time.Time) {
	order := s.order(j, now)
	if j.note != "" {
		order.Notes = append(order.Notes, j.note)
	}
	if err := s.launcher.Start(order, int(j.uid)); err != nil {
		s.log.Error("job can't be started", "job", j.shown(), "error", err)
		s.unclaim(j, now, err)
		return
	}
	s.log.Info("job started", "job", j.shown(), "nb_proc", j.NbProc, "owner", j.owner)
	s.runs(j, now)
}

// unclaim sends a job back that could not be started.
func (s *Spool) unclaim(j *job, now time.Time, err error) {
	j.move = move{from: layout.Running, to: layout.Queued, why: "it could not be started", later: fmt.Sprintf("could not be started (%v); it is tried again", err)}
	s.settle(j, now)
}

// prove has a job read whose turn it is; nobody overtakes it meanwhile. A reading
// that is under way does: whether it has passed by something, the next claim sees.
func (s *Spool) prove(j *job, now time.Time) {
	if j.reading == nil || !j.underWay {
		s.observe(j, now)
	}
	j.Wait, j.First = "it is looked at before it starts", true
	s.firsts[j] = now.Add(firstPatience)
}

// order is what the launcher is told.
func (s *Spool) order(j *job, now time.Time) supervise.Job {
	o := supervise.Job{
		Ref: s.ref(j, layout.Running), Proof: j.proven, Attempt: j.attempt,
		Command: j.info.Command, NbProc: j.NbProc, Limit: j.info.Limit, Grace: s.Grace,
		Owner: j.owner, EMail: j.info.EMail, Rerun: j.info.Rerun, Host: s.Host, Submitted: j.arrived(), Claimed: now,
		CPUs: j.cpus, Allowed: j.common, HasGPUs: len(s.GPUs) > 0, GPUs: j.gpus, Memory: j.info.Memory, MaxLog: cmp.Or(j.info.MaxLog, s.MaxLog),
		Notes:     slices.Clone(j.info.Warnings),
		Elsewhere: supervise.Elsewhere{NbGPU: j.info.NbGPU, Priority: j.info.Priority, Slurm: j.info.Slurm},
	}
	if j.info.Format.IsScript() {
		o.Args = scriptArgs(j.info)
	}
	if j.info.NbProc > j.NbProc {
		o.Notes = append(o.Notes, fmt.Sprintf("nb_proc = %d is more than the server's MaxNbProcessors: it runs with NB_PROC=%d", j.info.NbProc, j.NbProc))
	}
	if s.MaxLimit > 0 && (o.Limit == 0 || o.Limit > s.MaxLimit) {
		if o.Limit > s.MaxLimit {
			o.Notes = append(o.Notes, fmt.Sprintf("time_limit = %s is more than the server's max_time_limit: it is stopped after %s", o.Limit, s.MaxLimit))
		}
		o.Limit = s.MaxLimit
	}
	return o
}

// scriptArgs runs a script of Windows by what is there for its kind, any other
// by its #! line, as execve(2) would, so that it needs no x bit; without such a
// line by the shell.
func scriptArgs(info jobinfo.Info) []string {
	script := "." + string(filepath.Separator) + info.File
	switch {
	case info.Format == jobinfo.Batch:
		return []string{"cmd.exe", `"` + script + `"`}
	case info.Format == jobinfo.PowerShell:
		return []string{"powershell.exe", "-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-File", script}
	case len(info.Shebang) == 0:
		return []string{"/bin/sh", script}
	}
	return append(slices.Clone(info.Shebang), script)
}

// postpone lets a move that failed wait for its next try.
func (s *Spool) postpone(j *job, from, to layout.State, now time.Time, err error) {
	why := whyNotMoved(from, to, err)
	if c := j.begin(); why != c.warned {
		s.log.Warn("job can't be moved", "job", j.shown(), "error", err)
		c.warned = why
	}
	s.jobs.postpone(j, now, why)
	s.dirty = true
}
