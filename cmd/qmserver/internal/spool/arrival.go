package spool

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"qm/cmd/qmserver/internal/folder"
	"qm/pkg/layout"
)

// A folder that is copied into the queue is complete when two readings of it,
// settle_time apart, agree; one that was moved in is complete at once. See
// section 5 of the design, whose points are told here by number.

const (
	// patienceFactor is how many times the longest pause that was seen a folder
	// must be quiet, and maxPatience the most of that.
	patienceFactor = 4
	maxPatience    = 120 * time.Second
	// oldFactor is how many times settle_time nothing may have changed for a
	// folder to be complete at the first look.
	oldFactor = 10
	// looksPerSettle is how often a folder is read in settle_time while it is
	// being copied, and lookShare what part of the time that may take.
	looksPerSettle = 8
	lookShare      = 20
	// noInfoFor is how long a folder without info file may stay without any
	// change before it is refused, and how long a file that is named like one of
	// a copy holds it back without any change.
	noInfoFor = 10 * time.Minute
	// busyFor is how long such a file holds up the end of a drain.
	busyFor = 10 * time.Second
	// failFor is how long a folder that can't be read holds it up: who was to read
	// it may have died.
	failFor = 2 * time.Second
	// lookAgain is how often a folder is looked at that something holds back.
	lookAgain = time.Second
)

// conditions are what a reading is judged by, beside itself.
type conditions struct {
	settle   time.Duration
	drain    bool
	owners   bool
	moved    bool     // the folder was moved in with all that is in it
	fileTime int64    // by the clock of the file system; 0: unknown
	jobFiles []string // names of info files
	name     string   // of the folder, for the words
}

// judge takes a reading and tells whether the folder is complete. Else the
// reading says in words what it waits for, and when to look again.
func (r *reading) judge(l *look, c conditions) (complete bool) {
	first := !r.begun
	r.compare(l)
	r.next = l.end.Add(max(c.settle/looksPerSettle, lookShare*l.end.Sub(l.start)))
	patience := max(c.settle, min(patienceFactor*r.pause, maxPatience))
	r.patience, r.stuck = patience, false
	wait := func(again time.Duration, format string, args ...any) bool {
		r.words, r.due = fmt.Sprintf(format, args...), l.end.Add(again)
		return false
	}
	switch {
	case l.Failed != "":
		r.stuck = l.end.Sub(r.failed) >= failFor
		return wait(lookAgain, "can't be read (%s); it is tried again", short(l.Failed))
	case l.Open != "": // 4
		r.stuck = r.calm >= busyFor
		return wait(lookAgain, "arriving: %s is still open for writing", short(l.Open))
	case l.Busy != "" && r.calm < noInfoFor: // 4
		r.stuck = r.calm >= busyFor
		return wait(lookAgain, "arriving: %s says that it is still being copied", short(l.Busy))
	case l.Verdict == folder.Unreadable:
		r.stuck = r.calm >= c.settle
		return wait(lookAgain, "its info file can't be read (%s); it is tried again", short(l.Problem))
	case l.Verdict == folder.Missing && l.Names == 0: // 1
		r.stuck = r.calm >= c.settle
		return wait(r.seldom(l), "the folder is empty")
	case l.Verdict == folder.Missing && r.calm < noInfoFor && (!c.drain || r.calm < patience): // 5
		return wait(r.seldom(l), "info file missing, %s: put %s into it", r.calm.Round(time.Second), strings.Join(c.jobFiles, " or "))
	case first && l.whole(c) || r.calm >= patience && !first: // 2, 3
	default:
		r.due = r.next
		if calm := r.same.Add(patience); calm.Before(r.due) {
			r.due = calm
		}
		r.words = fmt.Sprintf("arriving: %s, %s, unchanged for %s", plural(l.Files, "file"), humanize.IBytes(uint64(l.Bytes)), r.calm.Round(time.Second))
		return false
	}
	if c.owners && l.Verdict == folder.Accepted && l.Loose != "" {
		r.stuck = true
		return wait(lookAgain, "not run as it is: %s", strings.ReplaceAll(l.Loose, "{}", quoted(c.name)))
	}
	return true
}

// compare tells what has changed since the last look. A pause that a busy sign
// explains is none that teaches patience; and only what was certainly seen of
// one counts.
func (r *reading) compare(l *look) {
	switch {
	case l.Failed == "":
		r.failed = time.Time{}
	case r.failed.IsZero():
		r.failed = l.end
	}
	busy := l.Busy != "" || l.Open != ""
	if !r.begun || r.sum != l.Sum || l.Blocks > r.blocks {
		if r.begun && !r.busy {
			r.pause = max(r.pause, r.calm)
		}
		r.same = l.end
	}
	r.begun, r.busy, r.sum, r.blocks = true, busy, l.Sum, l.Blocks
	r.calm = max(0, l.start.Sub(r.same))
}

// mayComplete tells whether a look that begins then may find the folder complete.
func (r *reading) mayComplete(then time.Time) bool {
	return !r.begun || !r.busy && then.Sub(r.same) >= r.patience
}

// whole tells at the first look whether nothing of the folder can still be on
// its way: it was moved in as it is, or has long been as it is. The info file
// was there when the reading began, or the tree was read before it came.
func (l *look) whole(c conditions) bool {
	if l.Verdict == folder.Missing || l.Mark.Info == 0 {
		return false
	}
	if c.moved && l.Newest <= l.Mark.Top {
		return true
	}
	return c.fileTime != 0 && c.fileTime-l.Newest >= int64(oldFactor*c.settle)
}

// seldom is after how long to look again at a folder whose info file is missing:
// the longer, the longer nothing has changed.
func (r *reading) seldom(l *look) time.Duration {
	return max(r.next.Sub(l.end), min(r.calm/8, 2*time.Second))
}

// looked takes the reading of a whole folder.
func (s *Spool) looked(j *job, l *look) {
	if l.Failed != "" && s.replaced(j) {
		return
	}
	r := j.reading
	c := conditions{
		settle: s.Settle, drain: s.Drain, owners: s.Owners, moved: j.moved,
		jobFiles: s.JobFiles, name: j.shown(),
	}
	if !r.begun {
		c.fileTime = s.fileTime(l.start)
	}
	complete := r.judge(l, c) || j.proven != 0 && j.proven == l.Proof() && l.Failed == ""
	if r.again {
		complete, r.due = false, r.next
	}
	j.mark, j.stamp, j.held = l.Mark, l.stamp(), l.Held
	j.know().info, j.know().owner = l.Info, ownerOf(l)
	if s.Elsewhere {
		j.info = l.Info.ForSlurm()
	}
	if complete {
		s.complete(j, l)
		return
	}
	j.proven = 0
	if j.phase != arriving {
		s.jobs.enter(j, arriving)
	}
	j.Priority = l.Info.Priority
	s.due.add(r.due, j)
}

// glimpsed takes the reading of a job's info file alone: enough for its place
// in the queue, if it is in order.
func (s *Spool) glimpsed(j *job, l *look) {
	if l.Verdict != folder.Accepted || l.Failed != "" || len(l.Info.After) > 0 {
		s.jobs.enter(j, arriving)
		s.observe(j, l.end)
		return
	}
	j.mark, j.stamp, j.held = l.Mark, l.stamp(), l.Held
	s.place(j, l)
}

// stamp is of what can be seen of a folder at a glance.
func (l *look) stamp() uint64 { return l.Names + l.Mark.Info }

// complete takes a folder that is all there as a job, or refuses it.
func (s *Spool) complete(j *job, l *look) {
	j.reading = nil
	if l.Verdict != folder.Accepted {
		s.reject(j, l.Problem)
		return
	}
	if s.Refuse != nil {
		if why := s.Refuse(l.Info); why != "" {
			s.reject(j, why)
			return
		}
	}
	if l.Busy != "" {
		j.info.Warnings = append(j.info.Warnings, fmt.Sprintf("%s looks like an unfinished copy, but nothing has changed for %s", short(l.Busy), noInfoFor))
	}
	again := j.proven != 0
	j.proven, j.moved = l.Proof(), false
	delete(s.left, j.Identity)
	s.place(j, l)
	if again {
		return
	}
	s.log.Info("job queued", "job", j.shown(), "nb_proc", j.NbProc, "priority", j.Priority)
	for _, w := range j.info.Warnings {
		s.log.Warn("job's info file", "job", j.shown(), "warning", w)
	}
}

// place puts a job where its info file and HOLD say.
func (s *Spool) place(j *job, l *look) {
	s.unfollow(j)
	p := waiting
	if l.Held || len(l.Info.After) > 0 {
		p = aside
	}
	if l.Held && (j.phase != aside || j.Wait != heldWords) {
		s.log.Info("job held", "job", j.shown())
	}
	s.jobs.change(j, p, func() {
		j.Priority, j.NbProc = l.Info.Priority, s.processors(l.Info)
		j.NbGPU, j.Memory = l.Info.NbGPU, l.Info.Memory
		j.Owner = s.names.intern(ownerOf(l))
		j.Wait, j.First = j.troubled(), false
	})
	switch {
	case l.Held:
		j.Wait = heldWords
	case p == aside:
		s.follow(j)
	}
	s.dirty = true
}

const heldWords = "held: remove the file " + string(layout.Hold) + " from its folder to release it"

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// quoted is a name as one would type it to a shell.
func quoted(name string) string {
	plain := func(r rune) bool {
		return r == '_' || r == '-' || r == '.' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	}
	if name != "" && name[0] != '-' && strings.IndexFunc(name, func(r rune) bool { return !plain(r) }) < 0 {
		return name
	}
	return "./'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}

// short is text for the page, which holds a thousand of them.
func short(text string) string {
	const most = 300
	text = layout.Display(text)
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
