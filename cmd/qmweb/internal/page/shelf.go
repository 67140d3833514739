package page

import (
	"sync"
	"time"
)

// shelf keeps status pages for the second in which they were made, so that a
// hundred readers cost one rendering. Times on them count in seconds.
type shelf struct {
	mu   sync.Mutex
	kept map[string]*shelved
}

// maxShelved bounds how many pages are kept: each query has its own.
const maxShelved = 64

type shelved struct {
	version uint64 // of the snapshot
	second  int64
	make    sync.Once
	body    *body
	err     error
}

// get returns the page with this key, which is made unless there is one of this
// snapshot and second. Who asks meanwhile waits for the same one.
func (s *shelf) get(key string, version uint64, now time.Time, make func() (*body, error)) (*body, error) {
	one := s.place(key, version, now.Unix())
	one.make.Do(func() { one.body, one.err = make() })
	return one.body, one.err
}

func (s *shelf) place(key string, version uint64, second int64) *shelved {
	s.mu.Lock()
	defer s.mu.Unlock()
	if one := s.kept[key]; one != nil && one.version == version && one.second == second {
		return one
	}
	if s.kept == nil || len(s.kept) >= maxShelved {
		s.kept = make(map[string]*shelved)
	}
	one := &shelved{version: version, second: second}
	s.kept[key] = one
	return one
}
