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
	i := slices.IndexFunc(s.lists[st], func(p *packed) bool { return p.name() == name })
	if i < 0 {
		return nil
	}
	return s.lists[st][i].job()
}

// Newest returns the job with this name that came last, whatever its state; a
// job that got a stamp behind this name counts if no other has it. It returns
// nil if there is none.
func (s *Snapshot) Newest(name string) *Job {
	exact, stamped := s.named(name)
	if exact == nil {
		exact = stamped
	}
	return jobOf(exact)
}

// Moved returns where a job is now that had this name until a moment ago, or
// nil. Where its name was taken it got a stamp, so of those that have the name
// and those with a stamp behind it the one that changed last is it.
func (s *Snapshot) Moved(name string) *Job {
	exact, stamped := s.named(name)
	if stamped == nil {
		return jobOf(exact)
	}
	return jobOf(later(exact, stamped))
}

func jobOf(p *packed) *Job {
	if p == nil {
		return nil
	}
	return p.job()
}

// named returns the newest job with this name and the newest that got a stamp
// behind it; nil where there is none.
func (s *Snapshot) named(name string) (exact, stamped *packed) {
	for _, list := range s.lists {
		for _, p := range list {
			switch own := p.name(); {
			case !strings.HasPrefix(own, name):
			case own == name:
				exact = later(exact, p)
			case layout.OwnName(own) == name:
				stamped = later(stamped, p)
			}
		}
	}
	return exact, stamped
}

func later(a, b *packed) *packed {
	if a == nil || b.changed > a.changed {
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
	var last *packed
	for rank, st := range listOrder {
		if rank < after.Rank || q.State != nil && *q.State != st {
			continue
		}
		todo := s.lists[st]
		if rank == after.Rank && q.After != "" {
			todo = todo[s.behind(st, after):]
		}
		for _, p := range todo {
			if !q.matches(p, text) {
				continue
			}
			if q.Limit > 0 && len(jobs) == q.Limit {
				return jobs, cursorOf(last), nil
			}
			jobs, last = append(jobs, p.job()), p
		}
	}
	return jobs, "", nil
}

// Matching returns how many jobs the query asks for, whatever its limit and
// its cursor.
func (s *Snapshot) Matching(q Query) int {
	text, n := strings.ToLower(q.Text), 0
	for st, list := range s.lists {
		switch {
		case q.State != nil && *q.State != layout.State(st):
		case q.Owner == "" && q.Outcome == "" && text == "":
			n += len(list)
		default:
			for _, p := range list {
				if q.matches(p, text) {
					n++
				}
			}
		}
	}
	return n
}

func (q *Query) matches(p *packed, text string) bool {
	return (q.Owner == "" || p.owner == q.Owner) &&
		(q.Outcome == "" || p.outcome > 0 && layout.Outcomes[p.outcome-1] == q.Outcome) &&
		(text == "" || strings.Contains(strings.ToLower(p.name()), text) || strings.Contains(strings.ToLower(p.text(infoText)), text))
}

// behind returns the index of the first job behind the cursor.
func (s *Snapshot) behind(st layout.State, c cursor) int {
	jobs := s.lists[st]
	name := string(c.Name)
	i, found := slices.BinarySearchFunc(jobs, key{c.At, name}, func(p *packed, k key) int { return cmpJobs(p.key(), k) })
	if st != layout.Queued && found {
		return i + 1
	}
	if at := slices.IndexFunc(jobs, func(p *packed) bool { return p.name() == name }); at >= 0 {
		return at + 1
	}
	if st == layout.Queued { // it was started: go on with those that waited behind it
		at := slices.IndexFunc(jobs, func(p *packed) bool { return p.position() == 0 || c.At > 0 && int64(p.position()) >= c.At })
		if at < 0 {
			return len(jobs)
		}
		return at
	}
	return i
}

func (p *packed) position() int {
	if p.live == nil {
		return 0
	}
	return p.live.position
}

func cursorOf(p *packed) string {
	st := layout.State(p.state)
	c := cursor{Rank: slices.Index(listOrder[:], st), At: p.key().at, Name: []byte(p.name())}
	if st == layout.Queued {
		c.At = int64(p.position())
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
