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

	until time.Time // when it has to be made again although nothing changed
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
	Name, Link  string
	Owner, Info string
	Script      string // only if the commands are to be shown
	Badge       badge
	End         string
	Reason      string
	Position    int
	Procs       string
	Took        string // how long it ran; empty while it does
	Since       moment // since when it runs; not known where it does not
	Came        moment // into the queue
	Ended       moment
	Bar         *bar
	LastLine    string
	Slurm       string // how it is with Slurm
	Private     bool
}

// bar is a running job's progress.
type bar struct {
	Percent  float64 // 0 to 100
	Percents string  // "42 %"
	Steps    string  // "21 / 50"; empty: not known
	Left     left
}

func (s *site) status(w http.ResponseWriter, r *http.Request) error {
	q, err := parseQuery(r)
	if err != nil {
		return err
	}
	snap, c := s.Store.Get(), clockOf(w, r)
	v := view{what: "page?" + queryString(q), bare: c.bare, stale: isStale(snap, c.now)}
	b, err := s.shelf.get(v, snap.Version, c.now, func() (*body, time.Time, error) {
		page, err := s.statusPage(snap, q, c)
		if err != nil {
			return nil, time.Time{}, err
		}
		b, err := pageBody("status.html", page)
		return b, page.until, err
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

func (s *site) statusPage(snap *snapshot.Snapshot, q snapshot.Query, c clock) (*statusPage, error) {
	p := &statusPage{frame: s.frame(""), Problem: snap.Problem, One: q.State != nil}
	p.Here = "jobs"
	bad := recentlyBad(snap, c.now)
	p.until = pageUntil(snap, bad, c)
	p.Title, p.Icon = title(snap, bad), iconOf(snap, bad)
	if snap.Problem != "" {
		return p, nil
	}
	n := snap.Counts()
	p.Server = viewServer(&snap.Server, c)
	p.Headline = headline(&snap.Server, n, snap.WaitInSlurm())
	p.Counts = viewCounts(n)
	p.Waits = n.Queued+n.Arriving > 0
	p.Fresh = n == (snapshot.Counts{}) && !p.One
	p.Notices = s.notices(snap, c.now)
	for st, to := range map[layout.State]**section{layout.Running: &p.Running, layout.Queued: &p.Queued, layout.Done: &p.Done, layout.Lost: &p.Lost} {
		if q.State != nil && *q.State != st {
			continue
		}
		sec, err := s.section(snap, st, q, c)
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

// isStale tells that the tree does not answer: what is known of it is too old.
func isStale(snap *snapshot.Snapshot, now time.Time) bool { return now.Sub(snap.At) > staleAfter }

// tellsTimes tells that the page says for how long something is as it should not
// be, in words that the script does not write.
func tellsTimes(snap *snapshot.Snapshot, now time.Time) bool {
	sv := &snap.Server
	return isStale(snap, now) || !sv.Silent.IsZero() || sv.Mail != nil && sv.Mail.Waiting > 0
}

// pageUntil is when a status page has to be made again although nothing changed.
func pageUntil(snap *snapshot.Snapshot, bad badCount, c clock) time.Time {
	c.bare = c.bare && !tellsTimes(snap, c.now)
	until := c.until()
	if bad.any() && bad.until.Before(until) {
		return bad.until
	}
	return until
}

// section lists a page of one state's jobs. Only done and lost jobs are
// filtered: what waits and runs is always shown as it is.
func (s *site) section(snap *snapshot.Snapshot, st layout.State, q snapshot.Query, c clock) (*section, error) {
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
	if n := snap.Counts(); st == layout.Queued && n.Arriving > 0 {
		sec.Count = humanize.Comma(int64(n.Queued)) + ", " + humanize.Comma(int64(n.Arriving)) + " arriving"
	}
	if st == layout.Running {
		sec.Count = runningCount(snap.Counts(), snap.WaitInSlurm())
	}
	for _, j := range jobs {
		sec.Jobs = append(sec.Jobs, s.viewJob(j, c))
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

func (s *site) viewJob(j *snapshot.Job, c clock) jobView {
	v := jobView{
		Name: nameText(j.Name), Link: s.Prefix + "/" + place{j.State, j.Name}.String() + "/",
		Owner: oneLine(j.Owner), Info: oneLine(j.Info),
		Badge: badgeOf(j), End: endOf(j), Reason: manyLines(reasonOf(j, c.now)), Slurm: oneLine(j.Slurm), Position: j.Position,
		Came: c.moment(j.Submitted), Ended: c.moment(j.Finished),
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
	if j.Runs() {
		v.Since = c.since(j.Started)
	} else if d, ok := j.Elapsed(c.now); ok {
		v.Took = span(d)
	}
	v.Bar = barOf(j, c)
	return v
}

// barOf returns how far a job is; nil: it is not known.
func barOf(j *snapshot.Job, c clock) *bar {
	p := j.Progress
	if p == nil {
		return nil
	}
	percent := min(max(p.Percent, 0), 100)
	b := &bar{Percent: percent, Percents: fmt.Sprintf("%d %%", int(percent))} // 99.9 is not done yet
	if p.Total > 0 {
		b.Steps = humanize.Comma(p.Done) + " / " + humanize.Comma(p.Total)
	}
	if d, ok := j.Remaining(c.now); ok && j.Runs() {
		b.Left = left{Since: j.Started.Format(time.RFC3339), Percent: percent}
		if !c.bare {
			b.Left.Text = roughly(d)
		}
	}
	return b
}
