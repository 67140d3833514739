// Package events tells what happens in folders, so that nobody has to look. It
// is a wake-up only: what network file systems change, and what comes in too
// large a number, is not told, so a look now and then is the net below it.
package events

import "errors"

// ErrNoMore says that the kernel grants no further watch.
var ErrNoMore = errors.New("the kernel grants no more watches (fs.inotify.max_user_watches)")

// Kind is what happened.
type Kind int

// The kinds.
const (
	Came     Kind = iota // moved in from another folder, with all that is in it
	Made                 // made here, or renamed within the folder
	Left                 // moved away, renamed or removed
	Changed              // it, or a file in the folder that was asked about, was written to or given other permissions
	Gone                 // the watched folder itself was moved or removed; it is watched no more
	Overflow             // more happened than can be told: look at everything
)

// Event is one thing that happened in a folder.
type Event struct {
	Kind
	Watch int    // what Watch returned for the folder
	Name  string // of what is in the folder
}

// Watcher tells of the folders that it was asked to watch. A nil one watches
// nothing. Its methods are called by one goroutine; C may be received by any.
type Watcher struct {
	fd     int
	events chan []Event
	close  func() error
}

// C returns the channel of the events, in the order in which they happened.
func (w *Watcher) C() <-chan []Event {
	if w == nil {
		return nil
	}
	return w.events
}
