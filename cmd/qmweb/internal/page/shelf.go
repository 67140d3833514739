package page

import (
	"errors"
	"sync"
	"time"
)

// shelf keeps the answers that many ask for, so that a hundred readers cost one
// rendering and one packing for each change: as long as the snapshot has the
// same version, and until what they say of the time is not true any more.
type shelf struct {
	mu   sync.Mutex
	kept map[view]*shelved
	uses uint64
}

// view is one of the answers that are kept.
type view struct {
	what  string // the kind of answer and what it was asked for
	bare  bool   // without words for times, see clock
	stale bool   // the tree does not answer
}

// maxShelved bounds how many answers are kept: each query has its own.
const maxShelved = 32

type shelved struct {
	version uint64 // of the snapshot
	used    uint64
	until   time.Time // zero: it is being made
	make    sync.Once
	body    *body
	err     error
}

var errNotMade = errors.New("the answer could not be made")

// get returns the answer to a view, which is made unless there is one of this
// version that still holds. Who asks meanwhile waits for the same one. Make also
// tells until when it holds.
func (s *shelf) get(v view, version uint64, now time.Time, make func() (*body, time.Time, error)) (*body, error) {
	one, old := s.place(v, version, now)
	one.make.Do(func() {
		var until time.Time
		one.err = errNotMade // should it panic
		defer func() { s.done(one, until) }()
		one.body, until, one.err = make()
		if old != nil && one.body != nil && old.tag == one.body.tag && !one.body.weak {
			one.body = old // it is packed already
		}
	})
	return one.body, one.err
}

// place returns where the answer to a view lies or will lie, and the answer
// that lay there before.
func (s *shelf) place(v view, version uint64, now time.Time) (one *shelved, old *body) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.uses++
	if one = s.kept[v]; one != nil && one.version == version && (one.until.IsZero() || now.Before(one.until)) {
		one.used = s.uses
		return one, nil
	}
	if one != nil && !one.until.IsZero() {
		old = one.body
	}
	if s.kept == nil {
		s.kept = make(map[view]*shelved)
	}
	if one == nil && len(s.kept) >= maxShelved {
		s.makeRoom()
	}
	one = &shelved{version: version, used: s.uses}
	s.kept[v] = one
	return one, old
}

func (s *shelf) done(one *shelved, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if one.until = until; until.IsZero() {
		one.until = time.Unix(0, 0) // it holds for nobody else
	}
}

// makeRoom drops the answer that nobody has asked for for the longest.
func (s *shelf) makeRoom() {
	var oldest view
	least := s.uses
	for v, one := range s.kept {
		if one.used < least {
			oldest, least = v, one.used
		}
	}
	delete(s.kept, oldest)
}
