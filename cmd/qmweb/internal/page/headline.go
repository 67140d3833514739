package page

import (
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"qm/cmd/qmweb/internal/snapshot"
	"qm/pkg/layout"
)

// counts are how many jobs there are. What is empty is not told.
type counts struct{ Arriving, Queued, Running, Done, Lost string }

// noteView is something in the folders that is no job.
type noteView struct{ Name, Folder, Text string }

func viewCounts(c snapshot.Counts) counts {
	comma := func(n int) string { return humanize.Comma(int64(n)) }
	v := counts{Queued: comma(c.Queued), Running: comma(c.Running), Done: comma(c.Done)}
	if c.Arriving > 0 {
		v.Arriving = comma(c.Arriving)
	}
	if c.Lost > 0 {
		v.Lost = comma(c.Lost)
	}
	return v
}

// headline says in one line what a reader wants to know first.
func headline(sv *snapshot.Server, c snapshot.Counts, inSlurm int) string {
	runs := runsWords(c.Running, inSlurm)
	waits := c.Queued + c.Arriving
	switch {
	case !sv.Known:
		return "No qmserver here yet"
	case !sv.Alive:
		return "qmserver is not running"
	case sv.Paused:
		return runs + ", the queue is paused"
	case waits > 0 && inSlurm > 0:
		return runs + ", " + plural(waits, "waits", "wait") + " here"
	case waits > 0:
		return runs + ", " + plural(waits, "waits", "wait")
	case c.Running == 0:
		return "All quiet"
	case inSlurm > 0:
		return runs
	}
	return runs + ", none waits"
}

// notices are what a reader should know before the lists.
func (s *site) notices(snap *snapshot.Snapshot, now time.Time) []badge {
	var n []badge
	for _, w := range s.Warnings {
		n = append(n, badge{"warn", oneLine(w)})
	}
	if age := now.Sub(snap.At); isStale(snap, now) {
		n = append(n, badge{"warn", "The folder with the jobs does not answer. This is how it was " + span(age) + " ago."})
	}
	if snap.Server.Alive {
		for _, p := range snap.Server.Problems {
			n = append(n, badge{"warn", oneLine(p)})
		}
		if old := silence(snap.Server.Silent, now); old != "" {
			n = append(n, badge{"warn", old + ". Until it does, nothing new is given to it, and what is told of its jobs may be as old as that."})
		}
		if text := mailText(snap.Server.Mail, now); text != "" {
			n = append(n, badge{"warn", text})
		}
	}
	if snap.Unread > 0 {
		n = append(n, badge{"wait", plural(snap.Unread, "job is", "jobs are") + " still being read: the counts are exact, names and times follow."})
	}
	return n
}

// slowMail is for how long mail may be under way before the page tells of it.
const slowMail = time.Minute

// mailText tells since when and why mail waits.
func mailText(m *layout.WaitingMail, now time.Time) string {
	if m == nil || m.Waiting <= 0 || m.Problem == "" && now.Sub(m.Since) < slowMail {
		return ""
	}
	since := max(now.Sub(m.Since), 0)
	if since >= time.Minute {
		since -= since % time.Minute
	}
	text := plural(m.Waiting, "mail about a job waits", "mails about jobs wait") + " to be sent, the oldest for " + span(since)
	if m.Problem != "" {
		text += ": " + strings.TrimRight(oneLine(m.Problem), ".")
	}
	if until := m.Next.Sub(now); until > 0 {
		text += ". Next try in " + roughly(until)
	}
	return text + "."
}

func viewNotes(notes []layout.Note) (views []noteView, more string) {
	for i, n := range notes {
		if i == maxNotes {
			return views, plural(len(notes)-maxNotes, "more", "more")
		}
		name, err := layout.NameOfID(n.ID)
		if err != nil {
			name = n.ID
		}
		views = append(views, noteView{nameText(name), layout.Display(n.Folder), oneLine(n.Text)})
	}
	return views, ""
}
