package snapshot

import (
	"io/fs"
	"os"
	"slices"
	"sync"
	"sync/atomic"
)

// toLookAt returns which of the names have to be looked at from outside; the
// others are present.
func (f *folder) toLookAt(names []string, now instant) []string {
	left := recheckMost
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		old := f.entries[name]
		switch {
		case notListed(f.state, name):
			return true
		case old == nil || len(names) <= manyJobs:
			return false
		case left > 0 && old.checked.before(now) >= recheckAfter:
			left--
			return false
		}
		old.present = true
		return true
	})
}

// lookBatch is how many names are looked at before what they are is kept.
const lookBatch = 4096

// look is what a name is, seen from outside.
type look struct {
	facts
	mode  fs.FileMode
	there bool
}

// lookAt looks at names, side by side if they are many: a disk that is far
// away lets each of them wait.
func (f *folder) lookAt(dir *os.Root, names []string) []look {
	looks := make([]look, len(names))
	const alone = 64 // so many are quicker alone
	beside(min(readers, 1+len(names)/alone), len(names), func(i int) {
		if info, err := dir.Lstat(names[i]); err == nil {
			looks[i] = look{factsOf(info), info.Mode(), true}
		}
		f.pulse()
	})
	return looks
}

// beside calls do for each number below n, in so many goroutines.
func beside(workers, n int, do func(i int)) {
	var next atomic.Int32
	var all sync.WaitGroup
	for range min(workers, n) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	all.Wait()
}
