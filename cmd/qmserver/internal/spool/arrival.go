package spool

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/folder"
	"qm/cmd/qmserver/internal/schedule"
	"qm/pkg/layout"
)

// A folder that is copied into the queue is complete when two readings of it,
// Settle apart, agree. A reading is a look at everything in it that follows no
// link, opens no file but the info file and leaves no file system.

const (
	maxLooks = 8 // readings at once
	// maxLooksOfUser is how many of them may be another user's, whose processes
	// may take as long as they like.
	maxLooksOfUser = 2
	// noInfoFor is how long a folder without info file may stay without any
	// change before it is refused, and how long a file that looks like one of a
	// copy holds it back without any change.
	noInfoFor = 10 * time.Minute
	// busyFor is how long such a file holds up the end of a drain.
	busyFor = 10 * time.Second
	// lookAgain is how often a folder is looked at that something holds back.
	lookAgain = time.Second
)

// reading is what is known of a folder's copying.
type reading struct {
	underWay bool
	due      time.Time // of the next look
	last     look
	same     time.Time // since when all looks agree
	words    string    // what it waits for
	stuck    bool      // waits for what only a person can do
}

// look is what one reading found, and when, by our own monotonic clock.
type look struct {
	disk.Identity
	folder.Look
	uid        int // as whom it was read
	start, end time.Time
}

// startLooks begins the readings that are due, in the order of arrival.
func (s *Spool) startLooks(now time.Time) {
	if s.looking == maxLooks {
		return
	}
	var due []*job
	for _, j := range s.jobs.by[arriving] {
		if !j.reading.underWay && !now.Before(j.reading.due) {
			due = append(due, j)
		}
	}
	slices.SortFunc(due, func(a, b *job) int { return schedule.Compare(a.asked(), b.asked()) })
	for _, j := range due {
		if s.looking == maxLooks {
			return
		}
		if s.Owners && s.looksOf[j.facts.UID] == maxLooksOfUser {
			j.reading.due = now.Add(recheck)
			continue
		}
		j.reading.underWay = true
		s.looksOf[j.facts.UID]++
		s.looking++
		go func(ref folder.Ref, uid int) {
			l := look{Identity: ref.Identity, uid: uid, start: time.Now()}
			l.Look = s.launcher.Look(ref, uid, s.JobFiles)
			l.end = time.Now()
			s.looks <- l
		}(s.ref(j, layout.Queued), j.facts.UID)
	}
}

// holdFor is how long complete jobs wait at most for those that may be found
// complete in the same moment and go before them.
const holdFor = 2 * time.Second

// holds tells whether the schedule should wait for readings that are about to
// complete a job that goes before first: else the quickest reading would
// decide the order.
func (s *Spool) holds(first *job, now time.Time) bool {
	if s.holdTill.IsZero() {
		s.holdTill = now.Add(holdFor)
	}
	for _, j := range s.jobs.by[arriving] {
		if now.Before(s.holdTill) && j.reading.mayComplete(now, s.Settle) &&
			schedule.Compare(j.asked(), first.asked()) < 0 {
			return true
		}
	}
	s.holdTill = time.Time{}
	return false
}

// mayComplete tells whether the reading that is due or under way may be the last.
func (r *reading) mayComplete(now time.Time, settle time.Duration) bool {
	return !r.same.IsZero() && now.Sub(r.same) >= settle && (r.underWay || !now.Before(r.due))
}

// looked takes the result of a reading.
func (s *Spool) looked(l look) {
	s.looking--
	s.looksOf[l.uid]--
	j := s.jobs.all[l.Identity]
	if j == nil || j.phase != arriving {
		return // taken away in the meantime
	}
	r := &j.reading
	r.underWay = false
	j.info = l.Info
	if r.last.Sum != l.Sum || r.same.IsZero() {
		r.same = l.end
	}
	r.last = l
	calm := l.start.Sub(r.same)
	r.stuck = false
	switch {
	case l.Failed != "":
		r.stuck = true
		r.words = fmt.Sprintf("can't be read (%s); it is tried again", short(l.Failed))
		r.due = l.end.Add(lookAgain)
	case l.Busy != "" && calm < noInfoFor:
		r.stuck = calm >= busyFor
		r.words = fmt.Sprintf("arriving: %s says that it is still being copied", short(l.Busy))
		r.due = l.end.Add(lookAgain)
	case calm < s.Settle:
		r.words = fmt.Sprintf("arriving: %s, %s", plural(l.Files, "file"), humanize.IBytes(uint64(l.Bytes)))
		r.due = r.same.Add(s.Settle)
	case l.Verdict == folder.Unreadable:
		r.stuck = true
		r.words = fmt.Sprintf("its info file can't be read (%s); it is tried again", short(l.Problem))
		r.due = l.end.Add(lookAgain)
	case l.Verdict == folder.Missing && calm < noInfoFor && !s.Drain:
		r.words = fmt.Sprintf("its info file is missing: put %s into it", strings.Join(s.JobFiles, " or "))
		r.due = l.end.Add(max(s.Settle, lookAgain))
	case s.Owners && l.Verdict == folder.Accepted && l.Loose != "":
		r.stuck = true
		r.words = "not run as it is: " + strings.ReplaceAll(l.Loose, "{}", quoted(j.shown()))
		r.due = l.end.Add(lookAgain)
	default:
		s.complete(j, l)
	}
	s.dirty = true
}

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

// complete takes a folder that is all there as a job, or refuses it.
func (s *Spool) complete(j *job, l look) {
	j.owner = ownerOf(j)
	if l.Verdict != folder.Accepted {
		s.reject(j, l.Problem)
		return
	}
	if l.Busy != "" {
		j.info.Warnings = append(j.info.Warnings, fmt.Sprintf("%s looks like an unfinished copy, but nothing has changed for %s", short(l.Busy), noInfoFor))
	}
	j.nbProc = min(j.info.NbProc, s.Slots)
	s.jobs.enter(j, waiting)
	s.log.Info("job queued", "job", j.shown(), "nb_proc", j.nbProc, "priority", j.info.Priority)
	for _, w := range j.info.Warnings {
		s.log.Warn("job's info file", "job", j.shown(), "warning", w)
	}
}
