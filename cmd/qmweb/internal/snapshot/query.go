package snapshot

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"qm/pkg/layout"
)

// Query says which jobs to list. Its zero value lists all.
type Query struct {
	State   *layout.State
	Owner   string
	Outcome layout.Outcome
	Text    string // part of the name or of the info line, in any case
	Limit   int    // at most so many; 0: all
	After   string // the cursor that the page before ended with
}

// ErrCursor says that Query.After is none of ours.
var ErrCursor = errors.New("not a cursor")

// listOrder is the order in which lists of more than one state have them.
var listOrder = [...]layout.State{layout.Running, layout.Queued, layout.Done, layout.Lost}

// cursor names the last job of a page. It still works when that job is gone.
type cursor struct {
	Rank int    `json:"r"` // in listOrder
	At   int64  `json:"t"`
	Name []byte `json:"n"`
}

// Find returns the job with this state and name, or nil.
func (s *Snapshot) Find(st layout.State, name string) *Job {
	i := slices.IndexFunc(s.Jobs[st], func(j *Job) bool { return j.Name == name })
	if i < 0 {
		return nil
	}
	return s.Jobs[st][i]
}

// Newest returns the job with this name that came last, whatever its state; a
// job that got a stamp behind this name counts if no other has it. It returns
// nil if there is none.
func (s *Snapshot) Newest(name string) *Job {
	exact, stamped := s.named(name)
	if exact != nil {
		return exact
	}
	return stamped
}

// Moved returns where a job is now that had this name until a moment ago, or
// nil. Where its name was taken it got a stamp, so of those that have the name
// and those with a stamp behind it the one that changed last is it.
func (s *Snapshot) Moved(name string) *Job {
	exact, stamped := s.named(name)
	if stamped == nil {
		return exact
	}
	return later(exact, stamped)
}

// named returns the newest job with this name and the newest that got a stamp
// behind it; nil where there is none.
func (s *Snapshot) named(name string) (exact, stamped *Job) {
	for _, jobs := range s.Jobs {
		for _, j := range jobs {
			switch {
			case !strings.HasPrefix(j.Name, name):
			case j.Name == name:
				exact = later(exact, j)
			case layout.OwnName(j.Name) == name:
				stamped = later(stamped, j)
			}
		}
	}
	return exact, stamped
}

func later(a, b *Job) *Job {
	if a == nil || b.Changed.After(a.Changed) {
		return b
	}
	return a
}

// List returns the jobs that the query asks for, in order: running, queued,
// done, lost. The cursor is empty if nothing follows. The only error is
// ErrCursor.
func (s *Snapshot) List(q Query) (jobs []*Job, next string, err error) {
	after, err := parseCursor(q.After)
	if err != nil {
		return nil, "", err
	}
	text := strings.ToLower(q.Text)
	for rank, st := range listOrder {
		if rank < after.Rank || q.State != nil && *q.State != st {
			continue
		}
		todo := s.Jobs[st]
		if rank == after.Rank && q.After != "" {
			todo = todo[s.behind(st, after):]
		}
		for _, j := range todo {
			if !q.matches(j, text) {
				continue
			}
			if q.Limit > 0 && len(jobs) == q.Limit {
				return jobs, cursorOf(jobs[len(jobs)-1]), nil
			}
			jobs = append(jobs, j)
		}
	}
	return jobs, "", nil
}

func (q *Query) matches(j *Job, text string) bool {
	return (q.Owner == "" || j.Owner == q.Owner) &&
		(q.Outcome == "" || j.Outcome == q.Outcome) &&
		(text == "" || strings.Contains(strings.ToLower(j.Name), text) || strings.Contains(strings.ToLower(j.Info), text))
}

// behind returns the index of the first job behind the cursor.
func (s *Snapshot) behind(st layout.State, c cursor) int {
	jobs := s.Jobs[st]
	name := string(c.Name)
	if i := slices.IndexFunc(jobs, func(j *Job) bool { return j.Name == name }); i >= 0 {
		return i + 1
	}
	if st == layout.Queued { // it was started: go on with those that waited behind it
		i := slices.IndexFunc(jobs, func(j *Job) bool { return j.Position == 0 || c.At > 0 && int64(j.Position) >= c.At })
		if i < 0 {
			return len(jobs)
		}
		return i
	}
	i, _ := slices.BinarySearchFunc(jobs, key{c.At, name}, func(j *Job, k key) int { return cmpJobs(j.key(), k) })
	return i
}

func cursorOf(j *Job) string {
	c := cursor{Rank: slices.Index(listOrder[:], j.State), At: j.key().at, Name: []byte(j.Name)}
	if j.State == layout.Queued {
		c.At = int64(j.Position)
	}
	data, _ := json.Marshal(c) // numbers and bytes always marshal
	return base64.RawURLEncoding.EncodeToString(data)
}

func parseCursor(s string) (c cursor, err error) {
	if s == "" {
		return c, nil
	}
	data, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || json.Unmarshal(data, &c) != nil || c.Rank < 0 || c.Rank >= len(listOrder) || len(c.Name) == 0 {
		return c, ErrCursor
	}
	return c, nil
}
