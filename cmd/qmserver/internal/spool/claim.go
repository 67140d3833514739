package spool

import (
	"fmt"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"qm/cmd/qmserver/internal/schedule"
	"qm/cmd/qmserver/internal/supervise"
	"qm/pkg/jobinfo"
	"qm/pkg/layout"
)

// schedule plans, and starts what the plan says, until it says nothing more.
func (s *Spool) schedule(now time.Time) {
	if !s.dirty {
		return
	}
	for s.makePlan(); s.startPlanned(now) > 0; {
		s.makePlan()
	}
}

func (s *Spool) makePlan() {
	queue := make([]schedule.Job, len(s.jobs.queue))
	for i, j := range s.jobs.queue {
		queue[i] = j.asked()
		if s.ghosts[j.Identity] != "" {
			queue[i].Wait = "what is left of its earlier run is ended first"
		}
	}
	s.plan = s.plan[:0]
	for i, d := range schedule.Plan(queue, s.machine()) {
		s.plan = append(s.plan, planned{s.jobs.queue[i], d})
	}
}

// asked is what counts of the job for the schedule.
func (j *job) asked() schedule.Job {
	return schedule.Job{
		Name: layout.OwnName(j.name), Priority: j.info.Priority, NbProc: j.nbProc,
		Arrived: j.arrived, Changed: j.facts.Ctime, Wait: j.trouble,
	}
}

func (s *Spool) machine() schedule.Machine {
	m := schedule.Machine{Slots: s.Slots, Blocking: s.Blocking, Names: make(map[string]bool)}
	for _, j := range s.jobs.by[running] {
		m.Used += j.nbProc
		m.Jobs++
		m.Names[layout.OwnName(j.name)] = true
	}
	for _, j := range s.jobs.by[over] {
		m.Names[layout.OwnName(j.name)] = true
	}
	switch {
	case s.ending:
		m.Stop = "the server ends"
	case len(s.problems) > 0:
		m.Stop = strings.Join(s.problems, "; ")
	case s.paused:
		m.Stop = "the queue is paused: remove the file PAUSE from " + layout.Queued.Folder()
	}
	return m
}

// startPlanned claims and starts what the plan says and returns how many it
// tried: each try changes what is to be planned.
func (s *Spool) startPlanned(now time.Time) int {
	tried := 0
	for _, p := range s.plan {
		if p.Start {
			if s.holds(p.job, now) {
				return 0 // what was tried is planned for once that is over
			}
			tried++
			s.claim(p.job, now)
		}
	}
	return tried
}

// claim moves a job to QM_Jobs and hands it to the launcher. What an earlier
// run of the same folder left in the run files is released before.
func (s *Spool) claim(j *job, now time.Time) {
	err := s.launcher.Release(j.Identity, j.attempt)
	if err == nil {
		err = s.moveJob(j, layout.Queued, layout.Running)
	}
	switch {
	case err != nil && gone(err) && s.treeIsThere():
		s.drop(j)
		s.nextPoll = now
		return
	case err != nil:
		s.postpone(j, layout.Queued, layout.Running, now, err)
		return
	}
	s.jobs.enter(j, running)
	j.started = now
	if err := s.launcher.Start(s.order(j, now), j.facts.UID); err != nil {
		s.log.Error("job can't be started", "job", j.shown(), "error", err)
		j.move = move{from: layout.Running, to: layout.Queued, why: "it could not be started"}
		s.settle(j, now)
		s.jobs.postpone(j, now, fmt.Sprintf("could not be started (%v); it is tried again", err))
		return
	}
	s.log.Info("job started", "job", j.shown(), "nb_proc", j.nbProc, "owner", j.owner)
}

// order is what the launcher is told.
func (s *Spool) order(j *job, now time.Time) supervise.Job {
	o := supervise.Job{
		Ref: s.ref(j, layout.Running), Attempt: j.attempt,
		Command: j.info.Command, NbProc: j.nbProc, Limit: j.info.Limit, Grace: s.Grace,
		Owner: j.owner, Rerun: j.info.Rerun, Host: s.Host, Submitted: j.arrived, Claimed: now,
		Notes: append(slices.Clone(j.info.Warnings), withoutEffect(j.info)...),
	}
	if j.info.Format == jobinfo.Script {
		o.Args = scriptArgs(j.info)
	}
	if j.info.NbProc > s.Slots {
		o.Notes = append(o.Notes, fmt.Sprintf("nb_proc = %d is more than the server's MaxNbProcessors: it runs with NB_PROC=%d", j.info.NbProc, j.nbProc))
	}
	if s.MaxLimit > 0 && (o.Limit == 0 || o.Limit > s.MaxLimit) {
		if o.Limit > s.MaxLimit {
			o.Notes = append(o.Notes, fmt.Sprintf("time_limit = %s is more than the server's max_time_limit: it is stopped after %s", o.Limit, s.MaxLimit))
		}
		o.Limit = s.MaxLimit
	}
	return o
}

// withoutEffect names what the job asks for and this version does not do.
func withoutEffect(info jobinfo.Info) []string {
	var notes []string
	for key, asked := range map[string]bool{
		"after": len(info.After) > 0, "max_log": info.MaxLog > 0, "memory": info.Memory > 0, "nb_gpu": info.NbGPU > 0,
	} {
		if asked {
			notes = append(notes, key+" has no effect in this version")
		}
	}
	slices.Sort(notes)
	return notes
}

// scriptArgs runs a job's script by its #! line, as execve(2) would, so that it
// needs no x bit; without such a line by the shell.
func scriptArgs(info jobinfo.Info) []string {
	script := "." + string(filepath.Separator) + info.File
	if len(info.Shebang) == 0 {
		return []string{"/bin/sh", script}
	}
	return append(slices.Clone(info.Shebang), script)
}

// ownerOf names who gets to see the job as theirs: the address in its info
// file, else the folder's owner.
func ownerOf(j *job) string {
	if j.info.EMail != "" {
		return j.info.EMail
	}
	if j.facts.UID < 0 {
		return ""
	}
	uid := strconv.Itoa(j.facts.UID)
	if u, err := user.LookupId(uid); err == nil {
		return u.Username
	}
	return "uid " + uid
}

// postpone lets a move that failed wait for its next try.
func (s *Spool) postpone(j *job, from, to layout.State, now time.Time, err error) {
	why := whyNotMoved(from, to, err)
	if why != j.warned {
		s.log.Warn("job can't be moved", "job", j.shown(), "error", err)
		j.warned = why
	}
	s.jobs.postpone(j, now, why)
	s.dirty = true
}
