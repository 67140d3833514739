package page

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"qm/cmd/qmweb/internal/snapshot"
	"qm/pkg/layout"
)

// How many jobs an answer lists.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// valuesOf returns what stands behind the ? of a request. What can't be decoded
// is refused: a filter that is left out would show what was not asked for.
func valuesOf(r *http.Request) (url.Values, error) {
	v, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, badRequest(fmt.Sprintf("%.200q can't be read: write key=value pairs with & between them, percent-encoded", r.URL.RawQuery))
	}
	return v, nil
}

// parseQuery reads state, owner, outcome, q, limit and after. What is empty
// counts as not given.
func parseQuery(r *http.Request) (snapshot.Query, error) {
	v, err := valuesOf(r)
	if err != nil {
		return snapshot.Query{}, err
	}
	q := snapshot.Query{Owner: v.Get("owner"), Text: v.Get("q"), After: v.Get("after"), Limit: defaultLimit}
	if word := v.Get("state"); word != "" {
		st, ok := layout.StateOfWord(word)
		if !ok {
			return q, badRequest(fmt.Sprintf("state is %q; it may be queued, running, done or lost", word))
		}
		q.State = &st
	}
	if word := v.Get("outcome"); word != "" {
		q.Outcome = layout.Outcome(word)
		if !slices.Contains(layout.Outcomes[:], q.Outcome) {
			return q, badRequest(fmt.Sprintf("outcome is %q; it may be one of %v", word, layout.Outcomes))
		}
	}
	if number := v.Get("limit"); number != "" {
		n, err := strconv.Atoi(number)
		if err != nil || n < 1 || n > maxLimit {
			return q, badRequest(fmt.Sprintf("limit is %q; it may be a number from 1 to %d", number, maxLimit))
		}
		q.Limit = n
	}
	return q, nil
}

// list asks the snapshot; a cursor that is none is the reader's mistake.
func list(snap *snapshot.Snapshot, q snapshot.Query) ([]*snapshot.Job, string, error) {
	jobs, next, err := snap.List(q)
	if err != nil {
		return nil, "", badRequest(fmt.Sprintf("after is %q; it may be what next was in the answer before", q.After))
	}
	return jobs, next, nil
}

// queryString writes a query as the pages link it.
func queryString(q snapshot.Query) string {
	v := url.Values{}
	add := func(key, value string) {
		if value != "" {
			v.Set(key, value)
		}
	}
	if q.State != nil {
		add("state", q.State.String())
	}
	add("owner", q.Owner)
	add("outcome", string(q.Outcome))
	add("q", q.Text)
	add("after", q.After)
	return v.Encode()
}
