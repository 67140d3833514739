package snapshot

import (
	"hash/maphash"
	"maps"
	"os"
	"slices"
	"time"

	"qm/pkg/layout"
)

// How many queued jobs are looked at in one scan, whether their info files
// changed: users edit them while they wait. The first in line are looked at each
// time, the others in turn: of 10,000 each one within some 40 s.
const (
	lookFirstInfos = 100
	lookMostInfos  = 250
)

// waiting goes round the queued jobs and finds those whose info file is not
// what it was.
type waiting struct {
	round []*entry          // still to be looked at in this round
	sums  map[*entry]uint64 // of the info files, when they were looked at last
	seed  maphash.Seed
}

func newWaiting() waiting {
	return waiting{sums: make(map[*entry]uint64), seed: maphash.MakeSeed()}
}

// edited returns the jobs to be read again, of the first in line and of the next
// ones in the round.
func (w *waiting) edited(dir *os.Root, f *folder, first []*packed, names []string, until time.Time) (edited []*entry) {
	if dir == nil {
		return nil
	}
	if len(w.round) == 0 {
		w.round = slices.Collect(maps.Values(f.entries))
	}
	look := func(e *entry) bool {
		if e.gone {
			delete(w.sums, e)
		} else if e.read != 0 && w.changed(dir, e, names) {
			edited = append(edited, e)
		}
		return time.Now().Before(until)
	}
	if len(f.entries) > lookMostInfos {
		for _, p := range first {
			if e := f.entries[p.name()]; e != nil && !look(e) {
				return edited
			}
		}
	}
	for range min(len(w.round), lookMostInfos) {
		e := w.round[0]
		if w.round = w.round[1:]; !look(e) {
			break
		}
	}
	return edited
}

// changed looks at the info file of a job. At the first look it may have changed
// since it was read.
func (w *waiting) changed(dir *os.Root, e *entry, names []string) bool {
	sum := w.sum(dir, e.name, names)
	before, known := w.sums[e]
	w.sums[e] = sum
	return !known || before != sum
}

// sum is what the info file of a job looks like from outside.
func (w *waiting) sum(dir *os.Root, job string, names []string) uint64 {
	var h maphash.Hash
	h.SetSeed(w.seed)
	for _, name := range names {
		if info, err := dir.Stat(job + "/" + name); err == nil {
			maphash.WriteComparable(&h, looksOf(info))
			break
		}
	}
	return h.Sum64()
}

// forgetGone drops what is known of jobs that are not queued any more.
func (w *waiting) forgetGone(f *folder) {
	if len(w.sums) <= 2*len(f.entries)+manyJobs {
		return
	}
	for e := range w.sums {
		if e.gone || e.state != layout.Queued {
			delete(w.sums, e)
		}
	}
}
