// Package mail tells the owners of jobs how those ended. A letter is a file in
// the outbox until the SMTP server has taken it; one goroutine sends what lies
// there, over one connection, so whatever becomes of that server delays no job.
//
// In the outbox lie
//
//	INODE-BIRTH.new            written, and its job is not known to be moved
//	TIME-ATTEMPT-NAME.mail     to be sent
//	failed/TIME-ATTEMPT-NAME.mail    given up; whoever moves one back has it sent by the next start
//
// A letter that the server took is removed, and that is durable, before the
// next one is sent. So one is sent twice only if the server took it and this
// program, or its connection, died before it knew.
package mail

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/spool"
)

// TLS says how the connection is encrypted.
type TLS string

// The ways: not at all, by STARTTLS (refused where the server has none), or
// from the first byte.
const (
	None     TLS = "none"
	StartTLS TLS = "starttls"
	Implicit TLS = "tls"
)

// Options are what the configuration decides.
type Options struct {
	Host     string
	Port     int
	TLS      TLS
	User     string // empty: no authentication
	Password string
	From     string // the sender, as `QM <qm@example.org>` or without a name
	WebURL   string // where qmweb's pages begin; empty: no links
	Tree     string // path of the tree, as people see it
	Machine  string // on which that is
}

// The pauses after which what failed is tried again, and for how long. A
// connection is kept for a while, since jobs often end together.
const (
	firstPause = 10 * time.Second
	maxPause   = time.Hour
	giveUp     = 3 * 24 * time.Hour
	linger     = 2 * time.Second
)

// Outbox is the letters that have not gone out. It is a spool.Post.
type Outbox struct {
	opt   Options
	path  string
	log   *slog.Logger
	wake  chan struct{} // something has come, or Drain was asked for
	stop  context.CancelFunc
	ended chan struct{} // closed when the sender has ended

	mu       sync.Mutex
	dir      *os.Root // at path
	kept     map[disk.Identity]keptLetter
	queue    []*item // in the order in which they came
	draining bool    // end when each was tried
	server   backoff // of the SMTP server

	told  string // the fault of the server that the log tells of; the sender's alone
	pause time.Duration
}

// keptLetter is one whose job is not known to be moved, without its log.
type keptLetter struct {
	spool.Letter
	since time.Time // when it was written
	told  bool      // that it can't be readied
}

// item is a letter that is to be sent.
type item struct {
	file  string
	since time.Time // when it was let go
	backoff
}

// backoff is when something that failed is tried again, and why it did.
type backoff struct {
	next  time.Time
	pause time.Duration
	tried bool // since the start
	why   error
}

// fail sets the next try, after a pause that grows from first.
func (b *backoff) fail(now time.Time, first time.Duration, why error) {
	b.pause = min(max(2*b.pause, first), maxPause)
	b.next, b.tried, b.why = now.Add(b.pause), true, why
}

// Open opens the outbox in the folder at path, which it makes if need be, and
// begins to send what lies there.
func Open(path string, opt Options, log *slog.Logger) (*Outbox, error) {
	return open(path, opt, log, firstPause)
}

func open(path string, opt Options, log *slog.Logger, pause time.Duration) (*Outbox, error) {
	dir, err := openFolder(path)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	o := &Outbox{
		opt: opt, path: path, dir: dir, log: log, wake: make(chan struct{}, 1), stop: stop, ended: make(chan struct{}),
		kept: make(map[disk.Identity]keptLetter), pause: pause,
	}
	if err := o.load(); err != nil {
		stop()
		return nil, err
	}
	go o.send(ctx)
	return o, nil
}

// Drain tries to send each letter that waits, once, until ctx ends, and returns
// how many are left. Nothing is sent after it.
func (o *Outbox) Drain(ctx context.Context) int {
	o.mu.Lock()
	o.draining, o.server = true, backoff{}
	for _, it := range o.queue {
		it.backoff = backoff{}
	}
	o.mu.Unlock()
	o.stir()
	select {
	case <-o.ended:
	case <-ctx.Done():
	}
	return o.left()
}

// Close ends the sender at once, even in the midst of a letter, which then
// stays in the outbox like all others.
func (o *Outbox) Close() error {
	o.stop()
	<-o.ended
	return o.folder().Close()
}

func (o *Outbox) stir() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}
