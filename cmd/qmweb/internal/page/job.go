package page

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"unicode/utf8"

	"github.com/dustin/go-humanize"

	"qm/cmd/qmweb/internal/snapshot"
	"qm/cmd/qmweb/internal/terminal"
	"qm/pkg/jobinfo"
	"qm/pkg/layout"
)

// jobPage is the data of job.html.
type jobPage struct {
	frame
	Job      jobView
	Folder   string
	State    string // its word
	Long     bool   // its name is
	Live     bool   // it still changes
	Running  bool
	Refusal  string // why the info file is refused
	Warnings []string
	Asked    []fact
	Ran      []fact
	Used     []fact
	Log      logView
	Files    *listing // nil: private
	Download string
}

// logView is the end of process.log.
type logView struct {
	Lines   []terminal.Line
	Link    string // all of it
	Data    string // where the script gets the pieces
	Size    string
	Partial bool   // there is more before it
	Problem string // why there is none
}

// longName is from how many characters on a name is written smaller.
const longName = 60

// logShown is how much of the log the page shows.
const logShown = 64 << 10

// job shows a job, or a folder in it.
func (s *site) job(w http.ResponseWriter, r *http.Request) error {
	p, err := placeOf(r)
	if err != nil {
		return err
	}
	elems, err := pathOf(r)
	if err != nil {
		return err
	}
	if len(elems) > 0 {
		return s.folder(w, r, p, elems)
	}
	dir, d, err := s.openDetail(p)
	if m, ok := errors.AsType[*moved](err); ok {
		return s.redirect(w, r, "/"+m.to.String()+"/")
	} else if err != nil {
		return err
	}
	c := clockOf(w, r)
	page := s.jobPage(p, d, c)
	if dir != nil {
		defer dir.Close()
		page.Log = s.viewLog(dir, p, d.Waits() || p.state == layout.Queued)
		if c.bare {
			page.Log.Lines = nil
		}
		if page.Files, err = s.listFolder(dir, p, nil, c); err != nil {
			return err
		}
	}
	return render(w, r, http.StatusOK, "job.html", page)
}

// openDetail reads a job and returns its folder, which the caller closes, open:
// what is read from it later belongs to the same job even if that is moved on.
// Of a private job it has what the lists have, and no folder.
func (s *site) openDetail(p place) (*os.Root, *snapshot.Detail, error) {
	dir, err := s.openJob(p)
	if err != nil {
		if j := s.Store.Get().Find(p.state, p.name); j != nil && j.Private {
			return nil, &snapshot.Detail{Job: j}, nil
		}
		return nil, nil, err
	}
	d, err := s.Store.Detail(dir, p.state, p.name)
	if err != nil {
		return nil, nil, errors.Join(err, dir.Close())
	}
	return dir, d, nil
}

// toJob adds the slash that a job's page has at its end.
func (s *site) toJob(w http.ResponseWriter, r *http.Request) error {
	p, err := placeOf(r)
	if err != nil {
		return err
	}
	return s.redirect(w, r, "/"+p.String()+"/")
}

// findJob leads to wherever a job is now.
func (s *site) findJob(w http.ResponseWriter, r *http.Request) error {
	name, err := nameOf(r)
	if err != nil {
		return err
	}
	j := s.Store.Newest(name)
	if j == nil {
		return notFound(fmt.Sprintf("There is no job %s, or not any more.", nameText(name)))
	}
	return s.redirect(w, r, "/"+place{j.State, j.Name}.String()+"/")
}

func (s *site) jobPage(p place, d *snapshot.Detail, c clock) *jobPage {
	page := &jobPage{
		frame: s.frame(""), Job: s.viewJob(d.Job, c), Folder: p.state.Folder(), State: p.state.String(),
		Live: p.state == layout.Queued || p.state == layout.Running, Running: p.state == layout.Running,
		Asked: askedFacts(d), Ran: ranFacts(d, c), Used: usedFacts(d, c.now),
		Download: s.Prefix + "/download/" + p.String(),
	}
	page.Here, page.Long = "jobs", utf8.RuneCountInString(page.Job.Name) > longName
	page.Title = nameText(p.name) + " – " + page.Job.Badge.Word
	if page.Job.Bar != nil {
		page.Title = page.Job.Bar.Percents + " " + page.Title
	}
	page.Icon = iconOfJob(page.Job.Badge)
	if !page.Live {
		page.Refresh = 0
	}
	if page.Refusal = refusalOf(d); page.Refusal == page.Job.Reason {
		page.Refusal = ""
	}
	page.Warnings = warningsOf(d)
	return page
}

// maxWarnings is how many warnings of an info file are shown.
const maxWarnings = 20

func warningsOf(d *snapshot.Detail) (all []string) {
	for i, warning := range d.Asked.Warnings {
		if i == maxWarnings {
			return append(all, "… and "+plural(len(d.Asked.Warnings)-i, "more warning", "more warnings"))
		}
		all = append(all, bounded(oneLine(warning)))
	}
	return all
}

// refusalOf tells why the info file is refused, or can't be read.
func refusalOf(d *snapshot.Detail) string {
	switch err := d.Refuse; {
	case err == nil, d.State == layout.Done && errors.Is(err, jobinfo.ErrNoInfoFile):
		return ""
	case errors.Is(err, fs.ErrPermission):
		return "The info file is private: its owner does not let qmweb read it."
	default:
		return bounded(manyLines(err.Error()))
	}
}

// viewLog shows the end of the log of a job, which may wait still.
func (s *site) viewLog(dir *os.Root, p place, waits bool) logView {
	data, begin, size, err := s.Store.Sight().ReadLog(dir, layout.JobLog, -logShown, logShown)
	switch {
	case os.IsNotExist(err) && waits:
		return logView{Problem: "It has not started yet, so there is no log. What the job prints will show here."}
	case os.IsNotExist(err):
		return logView{Problem: "There is no process.log."}
	case err != nil:
		return logView{Problem: "process.log can't be shown. " + asFailure(err).Text}
	}
	return logView{
		Lines: terminal.Lines(data, begin > 0), Link: s.Prefix + "/view/" + p.String() + "/" + layout.JobLog,
		Data: s.Prefix + "/api/v1/jobs/" + p.String() + "/log",
		Size: humanize.IBytes(uint64(size)), Partial: begin > 0,
	}
}
