package snapshot

import (
	"cmp"
	"slices"
	"strings"

	"qm/pkg/layout"
)

// ordered keeps the jobs of one state in the order to show: running ones in
// the order of their start, the others newest first. A change costs one pass
// over the list, not a sort of it.
type ordered struct {
	jobs []*packed // not changed in place: snapshots hold it
	came []*packed
	went map[*packed]bool // also of those that came
}

func (o *ordered) add(p *packed) { o.came = append(o.came, p) }

func (o *ordered) remove(p *packed) {
	if o.went == nil {
		o.went = make(map[*packed]bool)
	}
	o.went[p] = true
}

// list returns the jobs and whether they are others than at the last call.
func (o *ordered) list() (jobs []*packed, changed bool) {
	if len(o.came)+len(o.went) == 0 {
		return o.jobs, false
	}
	came := slices.DeleteFunc(o.came, func(p *packed) bool { return o.went[p] })
	slices.SortFunc(came, func(a, b *packed) int { return cmpJobs(a.key(), b.key()) })
	merged := make([]*packed, 0, max(len(o.jobs)+len(came)-len(o.went), 0))
	for _, p := range o.jobs {
		if len(o.went) > 0 && o.went[p] {
			continue
		}
		for len(came) > 0 && cmpJobs(came[0].key(), p.key()) < 0 {
			merged = append(merged, came[0])
			came = came[1:]
		}
		merged = append(merged, p)
	}
	o.jobs = append(merged, came...)
	o.came, o.went = nil, nil
	return o.jobs, true
}

// key is what jobs of one state are sorted by.
type key struct {
	at   int64 // ns; negated where the newest comes first
	name string
}

func (p *packed) key() key {
	at := p.shown()
	if layout.State(p.state) != layout.Running {
		at = -at
	}
	return key{at, p.name()}
}

func cmpJobs(a, b key) int {
	return cmp.Or(cmp.Compare(a.at, b.at), strings.Compare(a.name, b.name))
}
