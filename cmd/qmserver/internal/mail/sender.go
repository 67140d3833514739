package mail

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"qm/pkg/layout"
)

// send is the goroutine that sends. It sleeps until there is something to do.
func (o *Outbox) send(ctx context.Context) {
	defer close(o.ended)
	var c *connection
	defer func() { c.close() }()
	for ctx.Err() == nil {
		it, wait := o.next(time.Now())
		switch {
		case it != nil:
			c = o.deliver(ctx, c, it)
			continue
		case o.drained():
			return
		case c != nil && (wait == 0 || wait > linger):
			if !o.sleep(ctx, linger) {
				c.close()
				c = nil
			}
			continue
		}
		o.sleep(ctx, wait)
	}
}

// sleep waits for that long, or for ever if it is 0, and tells whether it was
// woken before.
func (o *Outbox) sleep(ctx context.Context, wait time.Duration) (woken bool) {
	var timer <-chan time.Time
	if wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		timer = t.C
	}
	select {
	case <-ctx.Done():
	case <-o.wake:
		return true
	case <-timer:
	}
	return false
}

// next returns the letter that is to be sent now, or nil and how long there is
// nothing to do; 0: until something comes. Those that have not failed come first:
// it may be the letter that breaks the connections.
func (o *Outbox) next(now time.Time) (*item, time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) == 0 {
		return nil, 0
	}
	if o.draining && o.server.tried {
		return nil, 0
	}
	var due *item
	first := time.Time{}
	for _, it := range o.queue {
		switch {
		case o.draining && it.tried:
		case now.Before(it.next):
			if first.IsZero() || it.next.Before(first) {
				first = it.next
			}
		case now.Before(o.server.next):
			return nil, o.server.next.Sub(now)
		case it.pause == 0:
			return it, 0
		case due == nil || it.pause < due.pause:
			due = it
		}
	}
	if due != nil || first.IsZero() {
		return due, 0
	}
	return nil, first.Sub(now)
}

// drained tells whether each letter was tried that was to be, with Drain.
func (o *Outbox) drained() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.draining
}

// deliver sends a letter over the connection, or a new one, and returns the
// one for the next.
func (o *Outbox) deliver(ctx context.Context, c *connection, it *item) *connection {
	l, err := o.read(it.file)
	if err != nil {
		o.unreadable(it, err)
		return c
	}
	if c == nil {
		if c, err = dial(ctx, o.opt); err != nil {
			o.serverFailed(ctx, err)
			return nil
		}
	}
	f := c.send(o.opt, l, it.file)
	switch f.kind {
	case taken:
		if err := o.sent(it); err != nil {
			o.log.Error("mail was sent and stays in the outbox; it may be sent again", "file", it.file, "error", err)
		}
		o.log.Info("mail sent", "job", shownName(l), "to", l.To, "outcome", l.Outcome)
		o.serverWorks()
		return c
	case refused:
		o.serverWorks()
		o.fail(it, shownName(l), f)
		return c
	case later:
		o.serverWorks()
		o.putOff(it, f)
		return c
	case broken:
	}
	c.close()
	// Many servers take only so many letters over one connection.
	if c.taken == 0 {
		o.serverFailed(ctx, f)
		o.behind(it, f)
	}
	return nil
}

// unreadable deals with a letter that can't be read: that may pass, such as a
// lack of file descriptors.
func (o *Outbox) unreadable(it *item, err error) {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		o.forget(it)
		o.log.Warn("mail was taken out of the outbox", "file", it.file)
	case errors.Is(err, errNoLetter):
		o.fail(it, layout.Display(it.file), err)
	default:
		o.putOff(it, fmt.Errorf("read letter: %w", err))
	}
}

// behind lets others go before a letter with which the connection broke: it may
// be the letter.
func (o *Outbox) behind(it *item, why error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	it.fail(time.Now(), o.pause, why)
}

// putOff lets a letter wait that the server did not want now. It is told once as
// long as the reason is the same.
func (o *Outbox) putOff(it *item, err error) {
	o.mu.Lock()
	told := it.why != nil && it.why.Error() == err.Error()
	it.fail(time.Now(), o.pause, err)
	next := it.next
	o.mu.Unlock()
	if !told {
		o.log.Warn("mail is tried again", "file", it.file, "error", err, "at", next.Format(time.RFC3339))
	}
	o.giveUpOld(err)
}

// serverFailed lets all letters wait.
func (o *Outbox) serverFailed(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return // it was us
	}
	o.mu.Lock()
	o.server.fail(time.Now(), o.pause, err)
	o.mu.Unlock()
	if err.Error() != o.told {
		o.told = err.Error()
		o.log.Warn("mail server can't be used; mail waits", "error", err, "waiting", o.left())
	}
	o.giveUpOld(err)
}

func (o *Outbox) serverWorks() {
	o.mu.Lock()
	o.server = backoff{}
	o.mu.Unlock()
	if o.told != "" {
		o.told = ""
		o.log.Info("mail server can be used again")
	}
}

// giveUpOld gives up the letters that were tried for long enough.
func (o *Outbox) giveUpOld(why error) {
	var old []*item
	o.mu.Lock()
	for _, it := range o.queue {
		if time.Since(it.since) > giveUp && (it.tried || o.server.tried) {
			old = append(old, it)
		}
	}
	o.mu.Unlock()
	for _, it := range old {
		name := layout.Display(it.file)
		if l, err := o.read(it.file); err == nil {
			name = shownName(l)
		}
		o.fail(it, name, why)
	}
}

// fail keeps a letter that is given up.
func (o *Outbox) fail(it *item, job string, why error) {
	if err := o.putAside(it); err != nil {
		o.log.Error("mail that failed stays in the outbox; the next start tries it again", "file", it.file, "error", err)
	}
	o.log.Error("mail failed", "job", job, "error", why, "kept", failedDir+"/"+it.file)
}
