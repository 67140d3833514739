package page

import (
	"net/http"
	"time"
)

// clock is the time for which a page is made.
type clock struct {
	now time.Time
	// bare leaves out the words for times, which the script writes: so its page
	// stays what it is, byte for byte, until something other than time has passed.
	bare bool
}

// liveHeader stands on the requests of the script, which gets the log by itself
// and has words for times of its own.
const liveHeader = "QM-Live"

// clockOf is the clock of an answer. It says in the headers that the answer
// depends on who asks.
func clockOf(w http.ResponseWriter, r *http.Request) clock {
	w.Header().Add("Vary", liveHeader)
	return clock{now: time.Now(), bare: r.Header.Get(liveHeader) != ""}
}

// How long a page is good for if nothing in the tree changes: words for times
// count seconds, the rest stays.
const (
	wordsHold = time.Second
	factsHold = time.Hour
)

// until is when a page made by this clock has to be made again.
func (c clock) until() time.Time {
	if c.bare {
		return c.now.Add(factsHold)
	}
	return c.now.Add(wordsHold - time.Duration(c.now.Nanosecond())%wordsHold)
}

// How the script writes a time.
const (
	asAgo  = ""
	asSpan = "span"
)

// moment is a time as pages show it: relative, the absolute one in the
// tooltip. Its zero value is a time that is not known.
type moment struct {
	Text    string // "3 minutes ago"; empty where the script writes it
	Exact   string // "Sunday, 22 November 2026, 13:15:02 CET"
	Machine string // RFC 3339; empty: not known
	As      string // asAgo, or asSpan: how long since
}

const exactly = "Monday, 2 January 2006, 15:04:05 MST"

// moment is how long ago it was.
func (c clock) moment(t time.Time) moment {
	if t.IsZero() {
		return moment{}
	}
	local := t.Local()
	m := moment{Exact: local.Format(exactly), Machine: local.Format(time.RFC3339), As: asAgo}
	if !c.bare {
		m.Text = ago(t, c.now)
	}
	return m
}

// since is how long something has gone on.
func (c clock) since(t time.Time) moment {
	m := c.moment(t)
	if m.Machine == "" {
		return m
	}
	m.Exact, m.As = "since "+m.Exact, asSpan
	if !c.bare {
		m.Text = span(c.now.Sub(t))
	}
	return m
}

// left is how long a job may still need, by its pace so far.
type left struct {
	Text    string  // "about 5 min"; empty where the script writes it
	Since   string  // RFC 3339: its start; empty: not known
	Percent float64 // that are done
}
