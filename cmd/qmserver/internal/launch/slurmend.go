package launch

import (
	"os"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/folder"
	"qm/cmd/qmserver/internal/probe"
	"qm/cmd/qmserver/internal/runfile"
	"qm/cmd/qmserver/internal/slurm"
	"qm/cmd/qmserver/internal/supervise"
	"qm/pkg/layout"
)

func (r *slurmRun) shown() string {
	name, err := layout.NameOfID(r.line.JobID)
	if err != nil {
		return r.line.JobID
	}
	return layout.Display(name)
}

// ran is when the run was, as far as it is known.
func (r *slurmRun) ran() Span {
	var s Span
	if c := r.left.Claim; c != nil && !c.Withdrawn() {
		s.From = c.At
	}
	if r.left.Status != nil {
		s.To = r.left.Status.At
	}
	return s
}

// conclude makes the end of a run durable and tells it. What the disk has no room
// for is tried again at the next look.
func (s *Slurm) conclude(r *slurmRun, v slurm.Verdict) {
	span := r.ran()
	if span.To.IsZero() {
		span.To = time.Now()
	}
	if !s.leave(r, v.End, span) {
		return
	}
	line := r.line
	line.Event, line.At, line.Started, line.End = runfile.Ended, span.To, span.From, &v.End
	line.Rerun = line.Rerun && !v.Stay
	if line.Started.IsZero() {
		line.Started = r.line.At
	}
	if !s.close(r, line) {
		return
	}
	s.tell(Event{Identity: r.id(), Ended: supervise.Ended{Identity: r.id(), End: v.End}, Ran: span, Stay: v.Stay})
}

// giveBack makes it durable that a run has not begun and will not, and tells why.
func (s *Slurm) giveBack(r *slurmRun, why supervise.Ended) {
	line := r.line
	line.Event, line.At = runfile.Released, time.Now()
	if s.close(r, line) {
		s.tell(Event{Identity: r.id(), Ended: why})
	}
}

// close writes the last line about a run and forgets it.
func (s *Slurm) close(r *slurmRun, line runfile.Line) bool {
	probe.Step("slurm: about to end")
	if err := s.ledgers.end(r.in, line); err != nil {
		s.log.Warn("end of a run can't be written; it is tried again", "job", r.shown(), "error", err)
		return false
	}
	if line.Event == runfile.Ended {
		s.mu.Lock()
		s.told[runfile.Folder{Identity: r.id(), UID: runfile.Anyones}] = r.in.name
		s.mu.Unlock()
	}
	if r.dir != nil {
		_ = slurm.Remove(r.dir, r.token) // the next run does, if not
	}
	delete(s.runs, r.id())
	r.close()
	return true
}

// leave writes into the job's folder how its run ended, and tells whether there
// was room for that.
func (s *Slurm) leave(r *slurmRun, end runfile.End, span Span) bool {
	if r.dir == nil {
		return true
	}
	if !r.logged {
		err := supervise.FinishLog(r.dir, span.To, end)
		if disk.IsNoRoom(err) {
			return false
		}
		r.logged = true
	}
	return !disk.IsNoRoom(s.record(r, &end))
}

// record writes the record of a run: it is a copy, so that it can't be written is
// told only where it may be tried again.
func (s *Slurm) record(r *slurmRun, end *runfile.End) error {
	name, err := layout.NameOfID(r.line.JobID)
	if err != nil {
		return err
	}
	rec := r.job.Record(name)
	if r.blind {
		rec = oldRecord(r.dir, rec)
	}
	span := r.ran()
	if !span.From.IsZero() {
		rec.Started, rec.Host = &span.From, &r.left.Claim.Node
	}
	sync := disk.Volatile
	if end != nil {
		if span.To.IsZero() {
			span.To = time.Now()
		}
		supervise.Finish(rec, span.To, end)
		sync = disk.Durable
	}
	if r.left.Status != nil {
		rec.CPUSeconds = r.left.Status.CPU
	}
	return folder.WriteRecord(r.dir, rec, sync)
}

// oldRecord is what an earlier server knew of a job, for people, where its order
// is gone.
func oldRecord(dir *os.Root, now *layout.Record) *layout.Record {
	data, err := layout.ReadFile(dir, layout.RecordFile, layout.MaxRecord)
	if err != nil {
		return now
	}
	old, err := layout.ParseRecord(data)
	if err != nil || old.Attempt != now.Attempt {
		return now
	}
	return old
}
