package page

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"qm/cmd/qmweb/internal/snapshot"
	"qm/cmd/qmweb/internal/stats"
)

// How long computed statistics are good for: briefly where jobs ended since,
// longer where only those that run went on.
const (
	freshFigures = 5 * time.Second
	sameFigures  = time.Minute
	maxFigures   = 4 // of different queries
)

// figures keeps computed statistics, so that many readers cost one look at all
// jobs.
type figures struct {
	mu   sync.Mutex
	kept map[stats.Query]*figure
}

type figure struct {
	version uint64
	at      time.Time
	stats   *stats.Stats
	json    func() (*body, error)
	page    func() (*body, error)
}

// get returns the statistics, not more than some seconds old, with their page,
// which is made once. Who asks while they are computed waits for the same ones.
func (f *figures) get(snap *snapshot.Snapshot, q stats.Query, now time.Time, page func(*stats.Stats) (*body, error)) *figure {
	f.mu.Lock()
	defer f.mu.Unlock()
	old := f.kept[q]
	if old != nil {
		if age := now.Sub(old.at); age < freshFigures || age < sameFigures && old.version == snap.Version {
			return old
		}
	}
	if f.kept == nil || len(f.kept) >= maxFigures {
		f.kept = make(map[stats.Query]*figure)
	}
	made := &figure{version: snap.Version, at: now, stats: stats.Of(snap, q, now)}
	made.json = sync.OnceValues(func() (*body, error) { return jsonBody(jsonStatsOf(made.stats)) })
	made.page = sync.OnceValues(func() (*body, error) { return page(made.stats) })
	f.kept[q] = made
	return made
}

// figure returns what a request asks for by period, by and owner.
func (s *site) figure(r *http.Request) (*figure, error) {
	q, err := parseStats(r)
	if err != nil {
		return nil, err
	}
	return s.figures.get(s.Store.Get(), q, time.Now(), func(st *stats.Stats) (*body, error) { return pageBody("stats.html", s.statsPage(st)) }), nil
}

// statistics returns the statistics of figure.
func (s *site) statistics(r *http.Request) (*stats.Stats, error) {
	f, err := s.figure(r)
	if err != nil {
		return nil, err
	}
	return f.stats, nil
}

// parseStats reads period, by and owner. What is empty counts as not given.
func parseStats(r *http.Request) (stats.Query, error) {
	v, err := valuesOf(r)
	if err != nil {
		return stats.Query{}, err
	}
	q := stats.Query{Period: stats.Month, Owner: v.Get("owner")}
	if word := v.Get("period"); word != "" {
		p, ok := stats.ParsePeriod(word)
		if !ok {
			return q, badRequest(fmt.Sprintf("period is %q; it may be 7d, 30d, 365d or all", word))
		}
		q.Period = p
	}
	q.Step = q.Period.DefaultStep()
	if word := v.Get("by"); word != "" {
		st, ok := stats.ParseStep(word)
		if !ok {
			return q, badRequest(fmt.Sprintf("by is %q; it may be day or month", word))
		}
		q.Step = st
	}
	return q, nil
}
