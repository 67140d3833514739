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

// How many jobs of a state the page lists beside others, and alone.
var (
	rowsBeside = [...]int{layout.Queued: 25, layout.Running: 100, layout.Done: 100, layout.Lost: 10}
	rowsAlone  = 100
)

const (
	maxNotes   = 50
	staleAfter = 10 * time.Second // a snapshot of this age means that the tree does not answer
)

// statusPage is the data of status.html. With one section asked for, only
// this is there, a page of it at a time.
type statusPage struct {
	frame
	Problem  string // why there is no tree
	Headline string // what there is to say, in one line
	Counts   counts
	Server   serverView
	Notices  []badge // what holds back all, or makes the page doubtful
	Fresh    bool    // no job was ever here
	Waits    bool    // some job waits
	One      bool    // only one section is asked for
	Running  *section
	Queued   *section
	Notes    []noteView
	More     string // notes not shown
	Done     *section
	Lost     *section
}

// section is one state's jobs.
type section struct {
	Word   string // of the state
	Count  string
	Jobs   []jobView
	Filter *filter // nil: not to be filtered
	Next   string  // link to the page that follows
	First  string  // link to the first page, where this is another one

	NextWord string // what leads to Next
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
	Slurm          string // how it is with Slurm
	Private        bool
}

// bar is a running job's progress.
type bar struct {
	Percent  float64 // 0 to 100
	Percents string  // "42 %"
	Steps    string  // "21 / 50"; empty: not known
}

func (s *site) status(w http.ResponseWriter, r *http.Request) error {
	q, err := parseQuery(r)
	if err != nil {
		return err
	}
	snap, now := s.Store.Get(), time.Now()
	b, err := s.shelf.get(queryString(q), snap.Version, now, func() (*body, error) {
		page, err := s.statusPage(snap, q, now)
		if err != nil {
			return nil, err
		}
		return pageBody("status.html", page)
	})
	if err != nil {
		return err
	}
	b.send(w, r, http.StatusOK)
	return nil
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
	p := &statusPage{frame: s.frame(""), Problem: snap.Problem, One: q.State != nil}
	p.Here = "jobs"
	bad := recentlyBad(snap, now)
	p.Title, p.Icon = title(snap, bad), iconOf(snap, bad)
	if snap.Problem != "" {
		return p, nil
	}
	c := snap.Counts()
	p.Server = viewServer(&snap.Server, now)
	p.Headline = headline(&snap.Server, c, snap.WaitInSlurm())
	p.Counts = viewCounts(c)
	p.Waits = c.Queued+c.Arriving > 0
	p.Fresh = c == (snapshot.Counts{}) && !p.One
	p.Notices = s.notices(snap, now)
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

// section lists a page of one state's jobs. Only done and lost jobs are
// filtered: what waits and runs is always shown as it is.
func (s *site) section(snap *snapshot.Snapshot, st layout.State, q snapshot.Query, now time.Time) (*section, error) {
	one := snapshot.Query{State: &st, Limit: rowsBeside[st]}
	if q.State != nil {
		one.After, one.Limit = q.After, rowsAlone
	}
	if st == layout.Done || q.State != nil {
		one.Owner, one.Outcome, one.Text = q.Owner, q.Outcome, q.Text
	}
	jobs, next, err := list(snap, one)
	if err != nil {
		return nil, err
	}
	sec := &section{Word: st.String(), Count: humanize.Comma(int64(snap.Count(st)))}
	if c := snap.Counts(); st == layout.Queued && c.Arriving > 0 {
		sec.Count = humanize.Comma(int64(c.Queued)) + ", " + humanize.Comma(int64(c.Arriving)) + " arriving"
	}
	if st == layout.Running {
		sec.Count = runningCount(snap.Counts(), snap.WaitInSlurm())
	}
	for _, j := range jobs {
		sec.Jobs = append(sec.Jobs, s.viewJob(j, now))
	}
	if st == layout.Done {
		sec.Filter = filterOf(one)
		sec.Filter.Shown = sec.Filter.Active || snap.Count(st) > 0
		sec.Filter.Owners = ownersOf(snap)
		if sec.Filter.Active {
			sec.Count = humanize.Comma(int64(snap.Matching(one))) + " of " + sec.Count
		}
	}
	sec.turn(one, next)
	return sec, nil
}

// turn links the pages before and after.
func (sec *section) turn(q snapshot.Query, next string) {
	if q.After != "" {
		first := q
		first.After = ""
		sec.First = "?" + queryString(first)
	}
	if next != "" {
		q.After = next
		sec.Next, sec.NextWord = "?"+queryString(q), "Next page"
		if *q.State == layout.Done || *q.State == layout.Lost {
			sec.NextWord = "Older jobs"
		}
	}
}

func (s *site) viewJob(j *snapshot.Job, now time.Time) jobView {
	v := jobView{
		Name: nameText(j.Name), Link: s.Prefix + "/" + place{j.State, j.Name}.String() + "/",
		Owner: oneLine(j.Owner), Info: oneLine(j.Info),
		Badge: badgeOf(j), End: endOf(j), Reason: manyLines(reasonOf(j, now)), Slurm: oneLine(j.Slurm), Position: j.Position,
		Came: momentOf(j.Submitted, now), Started: momentOf(j.Started, now), Ended: momentOf(j.Finished, now),
		LastLine: j.LastLine, Private: j.Private,
	}
	if j.Arriving { // the badge says so
		v.Reason = strings.TrimPrefix(strings.TrimPrefix(v.Reason, v.Badge.Word), ": ")
	}
	if s.Details {
		v.Script = oneLine(j.Script)
	}
	if j.NbProc > 0 {
		v.Procs = plural(j.NbProc, "processor", "processors")
		if j.Asked > j.NbProc {
			v.Procs += fmt.Sprintf(", asked for %d", j.Asked)
		}
	}
	if d, ok := j.Elapsed(now); ok {
		v.Took = span(d)
	}
	if d, ok := j.Remaining(now); ok {
		v.Left = roughly(d)
	}
	if p := j.Progress; p != nil {
		percent := min(max(p.Percent, 0), 100)
		v.Bar = &bar{Percent: percent, Percents: fmt.Sprintf("%d %%", int(percent))} // 99.9 is not done yet
		if p.Total > 0 {
			v.Bar.Steps = humanize.Comma(p.Done) + " / " + humanize.Comma(p.Total)
		}
	}
	return v
}
