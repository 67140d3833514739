// Package topology knows how the processors of this machine belong together,
// and chooses those that a job is pinned to.
package topology

import (
	"cmp"
	"slices"
)

// CPU is one logical processor. Two of one core share its units, two of one
// node their memory.
type CPU struct {
	ID   int
	Core int // the lowest number of the processors of its core
	Node int
}

// Choose returns n of the processors of which busy says nothing, or nil if there
// are not so many: whole cores first, and from the node that they fill best; what
// is less than a core from one that is in use already. It is a pure function.
func Choose(cpus []CPU, busy map[int]bool, n int) []int {
	nodes := freeCores(cpus, busy)
	slices.SortStableFunc(nodes, func(a, b *node) int {
		return cmp.Or(cmp.Compare(lack(a, n), lack(b, n)), cmp.Compare(a.size(), b.size()), cmp.Compare(a.id, b.id))
	})
	var chosen []int
	for _, node := range nodes {
		chosen = append(chosen, node.take(n-len(chosen))...)
	}
	if len(chosen) < n || n <= 0 {
		return nil
	}
	slices.Sort(chosen)
	return chosen
}

// lack orders nodes: those that hold all before those that do not, of which the
// largest comes first.
func lack(o *node, n int) int { return max(0, n-o.size()) }

// node is what is free of one.
type node struct {
	id    int
	cores []*core
}

// core is what is free of one.
type core struct {
	id    int
	free  []int
	inUse bool // some of it is busy
}

func (o *node) size() int {
	total := 0
	for _, c := range o.cores {
		total += len(c.free)
	}
	return total
}

// freeCores returns what is free, by node and core.
func freeCores(cpus []CPU, busy map[int]bool) []*node {
	var nodes []*node
	for _, cpu := range cpus {
		o := at(&nodes, func(o *node) bool { return o.id == cpu.Node }, &node{id: cpu.Node})
		c := at(&o.cores, func(c *core) bool { return c.id == cpu.Core }, &core{id: cpu.Core})
		if busy[cpu.ID] {
			c.inUse = true
		} else {
			c.free = append(c.free, cpu.ID)
		}
	}
	return nodes
}

// at returns the element that is meant, and adds it if there is none.
func at[T any](all *[]*T, is func(*T) bool, fresh *T) *T {
	if i := slices.IndexFunc(*all, is); i >= 0 {
		return (*all)[i]
	}
	*all = append(*all, fresh)
	return fresh
}

// take returns up to n processors of the node.
func (o *node) take(n int) []int {
	var taken []int
	for n > len(taken) {
		c := o.best(n - len(taken))
		if c == nil {
			return taken
		}
		some := min(n-len(taken), len(c.free))
		taken = append(taken, c.free[:some]...)
		c.free, c.inUse = c.free[some:], true
	}
	return taken
}

// best returns the core to take the next of n processors from, or nil: the
// largest whole one that is not too large, else the smallest that holds the
// rest, one in use before a fresh one, else what there is.
func (o *node) best(n int) *core {
	rank := func(c *core) (rank, size int) {
		switch {
		case !c.inUse && len(c.free) <= n && len(c.free) > 1:
			return 0, -len(c.free)
		case c.inUse && len(c.free) >= n:
			return 1, len(c.free)
		case !c.inUse && len(c.free) == 1:
			return 2, 1
		case !c.inUse:
			return 3, len(c.free)
		}
		return 4, -len(c.free)
	}
	var best *core
	for _, c := range o.cores {
		if len(c.free) == 0 {
			continue
		}
		if best == nil {
			best = c
			continue
		}
		r, size := rank(c)
		bestRank, bestSize := rank(best)
		if cmp.Or(cmp.Compare(r, bestRank), cmp.Compare(size, bestSize), cmp.Compare(c.id, best.id)) < 0 {
			best = c
		}
	}
	return best
}
