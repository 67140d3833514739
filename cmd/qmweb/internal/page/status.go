package page

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"qm/cmd/qmweb/internal/snapshot"
	"qm/pkg/layout"
)

const (
	rowsPerPage = 50
	maxNotes    = 50
	staleAfter  = 10 * time.Second // a snapshot of this age means that the tree does not answer
)

// statusPage is the data of status.html. With one section asked for, only
// this is there, a page of it at a time.
type statusPage struct {
	frame
	Problem string // why there is no tree
	Stale   string // how old this is, where the tree does not answer
	Server  serverView
	Unread  string // how many jobs are not read yet
	One     bool   // only one section is asked for
	Running *section
	Queued  *section
	Notes   []noteView
	More    string // notes not shown
	Done    *section
	Lost    *section
}

// section is one state's jobs.
type section struct {
	Word   string // of the state
	Count  string
	Jobs   []jobView
	Filter *filter // nil: not to be filtered
	Next   string  // query of the page that follows
	First  string  // query of the first page, where this is another one
}

// filter is what the list of done jobs was asked to show.
type filter struct {
	Owner, Text string
	Outcomes    []option
	Active      bool
}

type option struct {
	Value, Word string
	Selected    bool
}

// jobView is a job in a list.
type jobView struct {
	Name, Link     string
	Owner, Info    string
	Script         string // only if the commands are to be shown
	Badge          badge
	End            string
	Reason         string
	Position       int
	Procs          string
	Took, Left     string
	Came           moment // into the queue
	Started, Ended moment
	Bar            *bar
	LastLine       string
	Private        bool
}

// bar is a running job's progress.
type bar struct {
	Percent float64 // 0 to 100
	Text    string  // "21 / 50, 42 %"
}

// noteView is something in the folders that is no job.
type noteView struct{ Name, Folder, Text string }

func (s *site) status(w http.ResponseWriter, r *http.Request) error {
	q, err := parseQuery(r)
	if err != nil {
		return err
	}
	page, err := s.statusPage(s.Store.Get(), q, time.Now())
	if err != nil {
		return err
	}
	return render(w, http.StatusOK, "status.html", page)
}

// toSection leads from the path of one of the four folders to its section.
func (s *site) toSection(w http.ResponseWriter, r *http.Request) error {
	st, err := stateOf(r)
	if err != nil {
		return err
	}
	return s.redirect(w, r, "/?state="+st.String())
}

func (s *site) statusPage(snap *snapshot.Snapshot, q snapshot.Query, now time.Time) (*statusPage, error) {
	p := &statusPage{frame: s.frame(title(snap)), Problem: snap.Problem, One: q.State != nil}
	if age := now.Sub(snap.At); age > staleAfter {
		p.Stale = span(age)
	}
	if snap.Problem != "" {
		return p, nil
	}
	p.Server = viewServer(&snap.Server, now)
	if snap.Unread > 0 {
		p.Unread = plural(snap.Unread, "job is", "jobs are")
	}
	for st, to := range map[layout.State]**section{layout.Running: &p.Running, layout.Queued: &p.Queued, layout.Done: &p.Done, layout.Lost: &p.Lost} {
		if q.State != nil && *q.State != st {
			continue
		}
		sec, err := s.section(snap, st, q, now)
		if err != nil {
			return nil, err
		}
		*to = sec
	}
	if !p.One {
		p.Notes, p.More = viewNotes(snap.Notes)
	}
	return p, nil
}

func title(snap *snapshot.Snapshot) string {
	n := snap.Count(layout.Running)
	switch {
	case snap.Problem != "":
		return "no queue"
	case n == 0:
		return "nothing runs"
	}
	return plural(n, "job runs", "jobs run")
}

// section lists a page of one state's jobs. Only done and lost jobs are
// filtered: what waits and runs is always shown as it is.
func (s *site) section(snap *snapshot.Snapshot, st layout.State, q snapshot.Query, now time.Time) (*section, error) {
	one := snapshot.Query{State: &st, Limit: rowsPerPage}
	if q.State != nil {
		one.After = q.After
	}
	if st == layout.Done || q.State != nil {
		one.Owner, one.Outcome, one.Text = q.Owner, q.Outcome, q.Text
	}
	jobs, next, err := list(snap, one)
	if err != nil {
		return nil, err
	}
	sec := &section{Word: st.String(), Count: humanize.Comma(int64(snap.Count(st)))}
	for _, j := range jobs {
		sec.Jobs = append(sec.Jobs, s.viewJob(j, now))
	}
	if st == layout.Done {
		sec.Filter = filterOf(one)
	}
	if one.After != "" {
		first := one
		first.After = ""
		sec.First = queryString(first)
	}
	if next != "" {
		one.After = next
		sec.Next = queryString(one)
	}
	return sec, nil
}

func filterOf(q snapshot.Query) *filter {
	f := &filter{Owner: q.Owner, Text: q.Text, Active: q.Owner != "" || q.Text != "" || q.Outcome != ""}
	f.Outcomes = []option{{"", "any outcome", q.Outcome == ""}}
	for _, o := range layout.Outcomes[:4] { // the others end in lost+found
		f.Outcomes = append(f.Outcomes, option{string(o), strings.ReplaceAll(string(o), "-", " "), o == q.Outcome})
	}
	return f
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

func (s *site) viewJob(j *snapshot.Job, now time.Time) jobView {
	v := jobView{
		Name: nameText(j.Name), Link: s.Prefix + "/" + place{j.State, j.Name}.String() + "/",
		Owner: oneLine(j.Owner), Info: oneLine(j.Info),
		Badge: badgeOf(j), End: endOf(j), Reason: manyLines(j.Reason), Position: j.Position,
		Came: momentOf(j.Submitted, now), Started: momentOf(j.Started, now), Ended: momentOf(j.Finished, now),
		LastLine: j.LastLine, Private: j.Private,
	}
	if s.Details {
		v.Script = oneLine(j.Script)
	}
	if j.NbProc > 0 {
		v.Procs = plural(j.NbProc, "processor", "processors")
	}
	if d, ok := j.Elapsed(now); ok {
		v.Took = span(d)
	}
	if d, ok := j.Remaining(now); ok {
		v.Left = roughly(d)
	}
	if p := j.Progress; p != nil {
		v.Bar = &bar{Percent: min(max(p.Percent, 0), 100), Text: fmt.Sprintf("%.0f %%", p.Percent)}
		if p.Total > 0 {
			v.Bar.Text = fmt.Sprintf("%s / %s · %.0f %%", humanize.Comma(p.Done), humanize.Comma(p.Total), p.Percent)
		}
	}
	return v
}
