package spool

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/launch"
	"qm/cmd/qmserver/internal/runfile"
	"qm/pkg/layout"
)

// patience is how long recovery waits before it tells of a supervisor that
// seems idle: one that an earlier server had just told of a job has begun it,
// or is dead, by then. It waits on, since it can't know what is in the pipe.
const patience = 10 * time.Second

// recheck is how often it asks during that time, and seldom how often it asks
// whether a supervisor without a run file is gone, which may take days.
const (
	recheck = 100 * time.Millisecond
	seldom  = time.Second
)

// listRunning looks for folders in QM_Jobs that are not known and puts them
// right by the table.
func (s *Spool) listRunning(now time.Time) {
	s.known = false
	entries, err := os.ReadDir(s.Tree.Folder(layout.Running))
	if err != nil {
		s.problems = append(s.problems, err.Error())
		return
	}
	s.forgetPlaces(layout.Running)
	unknown := s.unknown(entries, now)
	s.known = true
	if len(unknown) == 0 && s.haunted {
		return
	}
	runs := s.launcher.Runs()
	if len(unknown) > 0 {
		s.tellBroken(runs.Broken)
	}
	strays := sync.OnceValue(func() []launch.Stray { return s.launcher.Strays(runs) })
	awaited := 0
	for _, j := range unknown {
		v := judge(runs, j.Identity, int(j.uid))
		nothing := v.said == saidNothing || v.said == saidUnreadable
		if isHidden(j.name) && nothing {
			continue // none of ours
		}
		if nothing && (s.mayBegin(runs, j, now) || s.mayRun(strays, j, now)) {
			v.said = saidPerhaps
		}
		if recovery[v.said] == await {
			awaited++
			continue
		}
		s.jobs.add(j)
		if v.said == saidCut {
			s.adopt(j, v) // for what is left of it; then the table is asked again
			continue
		}
		s.apply(j, v, now)
	}
	if s.known && !s.haunted {
		s.haunted = true
		s.adoptGhosts(runs)
	}
	s.known = s.known && awaited == 0
	if s.awaited != awaited {
		s.awaited, s.dirty = awaited, true // the page tells
	}
}

// adoptGhosts watches, once, the runs of earlier servers that have not ended
// and whose folders do not lie in QM_Jobs any more. Their supervisors stop
// them, and what is left of them is ended; until then a folder that was dragged
// to the queue waits.
func (s *Spool) adoptGhosts(runs launch.Runs) {
	for _, run := range runs.Files {
		for id, line := range run.Last {
			j := s.jobs.all[id]
			own := line.Token == "" && s.launcher.Own(run.Name) // on other machines, one run file tells of several
			if line.Event != runfile.Starting || own || j != nil && !j.phase.queued() {
				continue
			}
			if err := s.launcher.Adopt(run.Name, id); err != nil {
				s.log.Error("run can't be adopted; its processes may live on", "run", run.Name, "error", err)
				continue
			}
			s.log.Warn("run whose folder was taken away is ended", "run", run.Name)
			s.ghosts[id] = run
		}
	}
}

// haunts tells whether processes of an earlier run of a queued job are being
// ended.
func (s *Spool) haunts(j *job) bool {
	run, there := s.ghosts[j.Identity]
	return there && run.Knows(int(j.uid))
}

func minTime(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// tellBroken says once what of the run files can't be read.
func (s *Spool) tellBroken(err error) {
	if err != nil && err.Error() != s.broken {
		s.broken = err.Error()
		s.log.Error("run files can't be read: jobs that an earlier server may have run are parked", "error", err,
			"remedy", "make "+s.Tree.Path(layout.RunDir)+" readable, or remove the file once its jobs are parked")
	}
}

// unknown returns the folders among the entries that no job of ours has.
func (s *Spool) unknown(entries []os.DirEntry, now time.Time) []*job {
	var found []*job
	for _, e := range entries {
		facts, err := disk.Lstat(s.Tree.Job(layout.Running, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // gone since it was listed
		}
		if err != nil {
			s.places[place{layout.Running, e.Name()}] = err.Error()
			continue
		}
		if !facts.Mode.IsDir() {
			if e.Name()[0] != '.' {
				s.places[place{layout.Running, e.Name()}] = "no folder, so no job: it is left alone"
			}
			continue
		}
		if s.jobs.all[facts.Identity] == nil {
			j := &job{Identity: facts.Identity, name: e.Name(), uid: int32(facts.UID), mode: facts.Mode, phase: running}
			j.Arrived, j.Changed = now.UnixNano(), facts.Ctime
			s.arrivals.recall(j)
			j.know()
			j.begin().started = now
			found = append(found, j)
		}
	}
	return found
}

// mayBegin tells whether a supervisor lives that may still begin a job of which
// the run files say nothing, and says so on the page and in the log.
func (s *Spool) mayBegin(runs launch.Runs, j *job, now time.Time) bool {
	idle := s.mayStillBegin(runs, j)
	if idle == "" {
		return false
	}
	s.places[place{layout.Running, j.name}] = "waits until the supervisor " + idle + " of an earlier server has begun it or is gone"
	s.nextPoll = minTime(s.nextPoll, now.Add(recheck))
	if now.After(s.judgedBy) && s.stuck != idle {
		s.stuck = idle
		s.log.Warn("a supervisor of an earlier server says nothing of its job", "run", idle, "job", j.shown(),
			"remedy", "end the process that holds "+s.Tree.Path(layout.RunDir)+"/"+idle)
	}
	return true
}

// mayRun tells the same of a supervisor without a run file.
func (s *Spool) mayRun(strays func() []launch.Stray, j *job, now time.Time) bool {
	for _, stray := range strays() {
		if !stray.MayRun(int(j.uid)) {
			continue
		}
		s.places[place{layout.Running, j.name}] = "its record is gone: waits until " + stray.Until
		s.nextPoll = minTime(s.nextPoll, now.Add(seldom))
		if stray.Process != "" && s.lost != stray.Process {
			s.lost = stray.Process
			s.log.Warn("a supervisor of an earlier server has no run file any more; what it may run waits for its end", "process", stray.Process, "job", j.shown())
		}
		return true
	}
	return false
}

// mayStillBegin returns the name of a run file of an earlier server whose
// supervisor lives and has no job: it may have this one in its pipe.
func (s *Spool) mayStillBegin(runs launch.Runs, j *job) string {
	for _, run := range runs.Files {
		if run.Held && run.Knows(int(j.uid)) && !s.launcher.Own(run.Name) && !hasBegun(run) {
			return run.Name
		}
	}
	return ""
}

func hasBegun(run runfile.Run) bool {
	for _, line := range run.Last {
		if line.Event == runfile.Starting {
			return true
		}
	}
	return false
}

// apply does with a job of QM_Jobs that nobody watches what the table says.
func (s *Spool) apply(j *job, v verdict, now time.Time) {
	j.learn(v)
	switch act := recovery[v.said]; act {
	case adopt:
		s.adopt(j, v)
	case interrupt:
		s.interrupted(j, runfile.End{Outcome: layout.Interrupted, Reason: "its supervisor was killed or the machine went down while it ran; drop it again to run it again"}, false, now)
	case rerun:
		j.ranAsTold(v)
		s.interrupted(j, *v.line.End, true, now)
	case finish:
		j.ranAsTold(v)
		s.finish(j, *v.line.End, now)
	case unclaim:
		j.move = move{from: layout.Running, to: layout.Queued, why: "found in " + layout.Running.Folder() + ", never started"}
		s.settle(j, now)
	case parkLost:
		j.move = move{from: layout.Running, to: layout.Lost, strange: true, end: runfile.End{
			Outcome: layout.Interrupted,
			Reason:  "its record is gone, it may have run; look at its files, and drop it again to run it again",
		}}
		s.settle(j, now)
	default:
		panic(fmt.Sprintf("recovery: no row for %d", v.said))
	}
}

// adopt goes on watching a job that an earlier server started.
func (s *Spool) adopt(j *job, v verdict) {
	s.jobs.enter(j, running)
	j.NbProc, j.Owner = max(v.line.NbProc, 1), v.line.Owner
	j.share = share{cpus: v.line.CPUs, gpus: v.line.GPUs, memory: v.line.Memory}
	j.started = v.line.At
	if v.line.Token != "" {
		j.far, j.state = true, launch.State{Words: adoptedWords}
	}
	if err := s.launcher.Adopt(v.run, j.Identity); err != nil {
		s.known = false
		s.log.Error("job can't be adopted; it is tried again", "job", j.shown(), "error", err)
		s.jobs.remove(j)
		return
	}
	j.learn(v)
	if v.said == saidCut {
		s.log.Warn("job was cut; what is left of it is ended", "job", j.shown(), "run", v.run)
		return
	}
	s.log.Info("job adopted", "job", j.shown(), "nb_proc", j.NbProc, "since", v.line.At.Format(time.RFC3339))
}

// learn takes from a run file what an earlier server knew of the job.
func (j *job) learn(v verdict) {
	if v.said == saidNothing || v.said == saidUnreadable {
		return
	}
	j.attempt = max(v.line.Attempt, 1)
	j.owner = cmp.Or(j.owner, v.line.Owner)
	j.info.EMail = cmp.Or(j.info.EMail, v.line.EMail)
	j.info.Rerun = v.line.Rerun
}

// ranAsTold takes from the line of its end when the job ran.
func (j *job) ranAsTold(v verdict) {
	if !v.line.Started.IsZero() || v.line.Token != "" {
		j.started, j.ended = v.line.Started, v.line.At
	}
}

// nextAttempt tells which attempt is next of a queued job whose run an earlier
// server saw cut, else 0.
func (s *Spool) nextAttempt(j *job) int {
	return max(s.attempts[runfile.Folder{Identity: j.Identity, UID: int(j.uid)}],
		s.attempts[runfile.Folder{Identity: j.Identity, UID: runfile.Anyones}])
}

// believes tells whether what a run file says of the end of a job counts, which
// lies in done by now.
func (s *Spool) believes(run runfile.Run, id disk.Identity, line runfile.Line) bool {
	if run.UID == runfile.Anyones {
		return true
	}
	name, err := layout.NameOfID(line.JobID)
	if err != nil {
		return false
	}
	f, err := disk.Lstat(s.Tree.Job(layout.Done, name))
	return err == nil && f.Identity == id && run.Knows(f.UID)
}
