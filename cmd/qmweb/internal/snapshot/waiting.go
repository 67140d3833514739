package snapshot

import (
	"hash/maphash"
	"os"
	"time"

	"qm/pkg/layout"
)

// lookMostInfos is how many queued jobs are looked at in one scan, whether
// their info files changed: users edit them while they wait.
const lookMostInfos = 1000

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

// edited returns the jobs, of the next ones in the round, to be read again.
func (w *waiting) edited(dir *os.Root, f *folder, names []string, until time.Time) []*entry {
	if len(w.round) == 0 {
		for _, e := range f.entries {
			w.round = append(w.round, e)
		}
	}
	var edited []*entry
	for range min(len(w.round), lookMostInfos) {
		e := w.round[0]
		w.round = w.round[1:]
		if e.gone {
			delete(w.sums, e)
			continue
		}
		if e.read == 0 || dir == nil {
			continue
		}
		sum := w.sum(dir, e.name, names)
		if before, known := w.sums[e]; !known || before != sum { // it was read before it was looked at first
			edited = append(edited, e)
		}
		w.sums[e] = sum
		if time.Now().After(until) {
			break
		}
	}
	return edited
}

// sum is what the info file of a job looks like from outside.
func (w *waiting) sum(dir *os.Root, job string, names []string) uint64 {
	var h maphash.Hash
	h.SetSeed(w.seed)
	for _, name := range names {
		if info, err := dir.Stat(job + "/" + name); err == nil {
			at := factsOf(info)
			maphash.WriteComparable(&h, [4]int64{int64(at.id.ino), at.changed, info.ModTime().UnixNano(), info.Size()})
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
