package mail

import (
	"strings"
	"time"

	"qm/pkg/layout"
)

// longestProblem bounds, in bytes, what the heartbeat tells of a failure.
const longestProblem = 500

// left returns how many letters have not gone out.
func (o *Outbox) left() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.queue) + len(o.kept)
}

// Waiting tells of the letters that have not gone out; see spool.Post.
func (o *Outbox) Waiting() *layout.WaitingMail {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue)+len(o.kept) == 0 {
		return nil
	}
	w := &layout.WaitingMail{Waiting: len(o.queue) + len(o.kept)}
	older := func(t time.Time) {
		if w.Since.IsZero() || t.Before(w.Since) {
			w.Since = t
		}
	}
	for _, l := range o.kept {
		older(l.since)
	}
	for _, it := range o.queue {
		older(it.since)
	}
	if hold := o.holdUp(); hold.why != nil {
		w.Problem, w.Next = public(hold.why), hold.next
	}
	return w
}

// holdUp is the failure that letters wait for: the server's, else that of the
// letter which is tried again first.
func (o *Outbox) holdUp() backoff {
	hold := o.server
	if hold.why != nil {
		return hold
	}
	for _, it := range o.queue {
		if it.why != nil && (hold.why == nil || it.next.Before(hold.next)) {
			hold = it.backoff
		}
	}
	return hold
}

var address = layout.Pattern(`[^\s"'<>(),:;]+@[^\s"'<>(),:;]+`)

// public is an error as everybody may read it who sees the page: of a job in a
// private folder they may not see whose it is.
func public(err error) string {
	text, _, _ := strings.Cut(oneLine(err.Error()), ", affected ") // whom and which
	return short(layout.Display(address().ReplaceAllString(text, "…@…")), longestProblem)
}
