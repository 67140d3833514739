package page

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"qm/cmd/qmweb/internal/snapshot"
	"qm/pkg/layout"
)

// maxLogPiece is the most bytes of a log in one answer.
const maxLogPiece = 256 << 10

// jsonServer is the server as /api/v1/status tells it.
type jsonServer struct {
	Alive     bool       `json:"alive"`
	Paused    bool       `json:"paused"`
	Host      string     `json:"host"`
	Version   string     `json:"version"`
	PID       int        `json:"pid"`
	Started   *time.Time `json:"started"`
	AsOf      *time.Time `json:"as_of"` // not null: alive is judged by this, the file's time
	Launch    string     `json:"launch_type"`
	Slots     int        `json:"slots"`
	SlotsUsed int        `json:"slots_used"`
	GPUs      int        `json:"gpus"`
	GPUsUsed  int        `json:"gpus_used"`
	Load1     *float64   `json:"load1"`
	DiskFree  *int64     `json:"disk_free"`
	DiskTotal *int64     `json:"disk_total"`
	Problems  []string   `json:"problems"`
	Mail      *jsonMail  `json:"mail"` // null: none waits
}

// jsonMail is the mail that has not gone out.
type jsonMail struct {
	Waiting int        `json:"waiting"`
	Since   *time.Time `json:"since"`
	Problem string     `json:"problem"` // of the last try
	Next    *time.Time `json:"next"`    // when it is tried again
}

type jsonStatus struct {
	Server  jsonServer      `json:"server"`
	Counts  snapshot.Counts `json:"counts"`
	Unread  int             `json:"unread"`  // jobs that are counted and not read yet
	Read    time.Time       `json:"read"`    // when this was true
	Problem string          `json:"problem"` // why there is no tree; else empty
}

// jsonJob is a job. Texts that are not known are empty, all else null; the
// number of processors is then 0.
type jsonJob struct {
	ID        string        `json:"id"`
	Name      string        `json:"name"`
	Folder    string        `json:"folder"`
	State     string        `json:"state"`
	Outcome   string        `json:"outcome"`
	Owner     string        `json:"owner"`
	Info      string        `json:"info"`
	Script    string        `json:"script"`
	NbProc    int           `json:"nb_proc"`
	Priority  int           `json:"priority"`
	Size      string        `json:"size"`
	Submitted *time.Time    `json:"submitted"`
	Started   *time.Time    `json:"started"`
	Finished  *time.Time    `json:"finished"`
	Seconds   *float64      `json:"seconds"`
	ExitCode  *int          `json:"exit_code"`
	Signal    *int          `json:"signal"`
	Reason    string        `json:"reason"`
	Position  *int          `json:"position"`
	Progress  *jsonProgress `json:"progress"`
}

type jsonProgress struct {
	Done    int64    `json:"done"`
	Total   int64    `json:"total"`
	Percent float64  `json:"percent"`
	ETA     *float64 `json:"eta_seconds"`
}

type jsonJobs struct {
	Jobs []jsonJob `json:"jobs"`
	Next string    `json:"next"`
}

// sendJSON answers with v, packed and tagged. It writes nothing if v can't be
// encoded.
func sendJSON(w http.ResponseWriter, r *http.Request, v any) error {
	b, err := jsonBody(v)
	if err != nil {
		return err
	}
	b.send(w, r, http.StatusOK)
	return nil
}

func jsonBody(v any) (*body, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode answer: %w", err)
	}
	return newBody("application/json", append(data, '\n')), nil
}

// apiStatus tells of the server and counts the jobs. Its tag leaves out when all
// that was read: that alone is no news.
func (s *site) apiStatus(w http.ResponseWriter, r *http.Request) error {
	snap, c := s.Store.Get(), clock{now: time.Now()}
	v := view{what: "api/status", stale: isStale(snap, c.now)}
	b, err := s.shelf.get(v, snap.Version, c.now, func() (*body, time.Time, error) {
		st := statusOf(snap)
		b, err := jsonBody(st)
		if err != nil {
			return nil, time.Time{}, err
		}
		st.Read = time.Time{}
		timeless, err := jsonBody(st)
		if err != nil {
			return nil, time.Time{}, err
		}
		b.tag, b.weak = timeless.tag, true
		return b, c.until(), nil
	})
	if err != nil {
		return err
	}
	b.send(w, r, http.StatusOK)
	return nil
}

func statusOf(snap *snapshot.Snapshot) *jsonStatus {
	sv := &snap.Server
	problems := sv.Problems
	if problems == nil {
		problems = []string{}
	}
	return &jsonStatus{
		Server: jsonServer{
			Alive: sv.Alive, Paused: sv.Paused, Host: sv.Host, Version: sv.Version, PID: sv.PID,
			Started: known(sv.Started), AsOf: known(sv.AsOf), Launch: sv.Launch,
			Slots: sv.Slots, SlotsUsed: sv.SlotsUsed, GPUs: sv.GPUs, GPUsUsed: sv.GPUsUsed,
			Load1: sv.Load1, DiskFree: sv.DiskFree, DiskTotal: sv.DiskTotal, Problems: problems, Mail: jsonMailOf(sv.Mail),
		},
		Counts: snap.Counts(), Unread: snap.Unread, Read: snap.At, Problem: snap.Problem,
	}
}

func jsonMailOf(m *layout.WaitingMail) *jsonMail {
	if m == nil {
		return nil
	}
	return &jsonMail{m.Waiting, known(m.Since), m.Problem, known(m.Next)}
}

func (s *site) apiJobs(w http.ResponseWriter, r *http.Request) error {
	q, err := parseQuery(r)
	if err != nil {
		return err
	}
	snap, c := s.Store.Get(), clock{now: time.Now(), bare: true}
	v := view{what: fmt.Sprintf("api/jobs?%s limit=%d", queryString(q), q.Limit)}
	b, err := s.shelf.get(v, snap.Version, c.now, func() (*body, time.Time, error) {
		jobs, next, err := list(snap, q)
		if err != nil {
			return nil, time.Time{}, err
		}
		out := jsonJobs{Jobs: make([]jsonJob, 0, len(jobs)), Next: next}
		for _, j := range jobs {
			out.Jobs = append(out.Jobs, jsonOf(j, c.now))
			c.bare = c.bare && !j.Runs() && j.Silent.IsZero() // or it tells for how long
		}
		b, err := jsonBody(out)
		return b, c.until(), err
	})
	if err != nil {
		return err
	}
	b.send(w, r, http.StatusOK)
	return nil
}

func (s *site) apiJob(w http.ResponseWriter, r *http.Request) error {
	p, err := placeOf(r)
	if err != nil {
		return err
	}
	dir, d, err := s.openDetail(p)
	if err != nil {
		return err
	}
	if dir != nil {
		defer dir.Close()
	}
	return sendJSON(w, r, jsonOf(d.Job, time.Now()))
}

func jsonOf(j *snapshot.Job, now time.Time) jsonJob {
	out := jsonJob{
		ID: layout.ID(j.Name), Name: layout.Display(j.Name), Folder: j.State.Folder(), State: j.State.String(),
		Outcome: string(j.Outcome), Owner: j.Owner, Info: j.Info, Script: j.Script, NbProc: j.NbProc,
		Priority: j.Priority, Size: j.Size, Submitted: known(j.Submitted), Started: known(j.Started),
		Finished: known(j.Finished), ExitCode: j.ExitCode, Signal: j.Signal, Reason: reasonOf(j, now),
	}
	if d, ok := j.Elapsed(now); ok {
		seconds := d.Seconds()
		out.Seconds = &seconds
	}
	if j.Position > 0 {
		out.Position = &j.Position
	}
	if p := j.Progress; p != nil {
		out.Progress = &jsonProgress{Done: p.Done, Total: p.Total, Percent: p.Percent}
		if d, ok := j.Remaining(now); ok {
			seconds := d.Seconds()
			out.Progress.ETA = &seconds
		}
	}
	return out
}

// known returns nil for a time that is not known.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// apiLog serves the bytes of a log from an offset on, for programs that follow
// it.
func (s *site) apiLog(w http.ResponseWriter, r *http.Request) error {
	p, err := placeOf(r)
	if err != nil {
		return err
	}
	offset, limit, err := pieceOf(r)
	if err != nil {
		return err
	}
	dir, err := s.openJob(p)
	if err != nil {
		return err
	}
	defer dir.Close()
	data, begin, size, err := s.Store.Sight().ReadLog(dir, layout.JobLog, offset, limit)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Security-Policy", inert)
	h.Set("X-Log-Size", strconv.FormatInt(size, 10))
	h.Set("X-Log-Offset", strconv.FormatInt(begin, 10))
	h.Set("Content-Length", strconv.Itoa(len(data)))
	_, _ = w.Write(data) // whoever asked may be gone
	return nil
}

// pieceOf reads which bytes of a log are asked for.
func pieceOf(r *http.Request) (offset, limit int64, err error) {
	v, err := valuesOf(r)
	if err != nil {
		return 0, 0, err
	}
	if offset, err = number(v, "offset", 0); err != nil {
		return 0, 0, err
	}
	if limit, err = number(v, "limit", maxLogPiece); err != nil {
		return 0, 0, err
	}
	if limit < 1 || limit > maxLogPiece {
		return 0, 0, badRequest(fmt.Sprintf("limit is %d; it may be a number of bytes from 1 to %d", limit, maxLogPiece))
	}
	return offset, limit, nil
}

func number(v url.Values, key string, otherwise int64) (int64, error) {
	text := v.Get(key)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, badRequest(fmt.Sprintf("%s is %q; it may be a whole number of bytes", key, text))
	}
	return n, nil
}
