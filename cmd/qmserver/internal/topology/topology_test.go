package topology

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// machine makes nodes of cores of threads, numbered as Linux does: first one of
// each core, then the second ones.
func machine(nodes, cores, threads int) []CPU {
	var cpus []CPU
	for t := range threads {
		for n := range nodes {
			for c := range cores {
				core := n*cores + c
				cpus = append(cpus, CPU{ID: t*nodes*cores + core, Core: core, Node: n})
			}
		}
	}
	return cpus
}

// hybrid has two cores of two threads and four of one.
func hybrid() []CPU {
	return []CPU{{0, 0, 0}, {1, 0, 0}, {2, 2, 0}, {3, 2, 0}, {4, 4, 0}, {5, 5, 0}, {6, 6, 0}, {7, 7, 0}}
}

// holes is what is left where others have taken the rest.
func holes() []CPU {
	return []CPU{{1, 1, 0}, {3, 1, 0}, {6, 6, 0}, {9, 9, 1}, {11, 9, 1}, {12, 12, 1}, {14, 12, 1}}
}

func TestChoose(t *testing.T) {
	for _, test := range []struct {
		what string
		cpus []CPU
		asks []int // one after the other, none ends
		want string
	}{
		{"1 node of 2 cores", machine(1, 2, 1), []int{1, 1, 1}, "[[0] [1] []]"},
		{"2 nodes of 4 cores of 2 threads", machine(2, 4, 2), []int{2, 4, 1, 1, 4}, "[[0 8] [1 2 9 10] [3] [11] [4 5 12 13]]"},
		{"a node that it fills best", machine(2, 4, 1), []int{2, 4, 2}, "[[0 1] [4 5 6 7] [2 3]]"},
		{"more than a node", machine(2, 2, 2), []int{6, 2}, "[[0 1 2 4 5 6] [3 7]]"},
		{"all", machine(2, 2, 2), []int{8, 1}, "[[0 1 2 3 4 5 6 7] []]"},
		{"half a core and a whole one", machine(1, 4, 2), []int{3, 1, 2}, "[[0 1 4] [5] [2 6]]"},
		{"hybrid, single threads first for who needs one", hybrid(), []int{1, 2, 2, 3}, "[[4] [0 1] [2 3] [5 6 7]]"},
		{"holes", holes(), []int{2, 2, 2, 1}, "[[1 3] [9 11] [12 14] [6]]"},
		{"none", nil, []int{1}, "[[]]"},
		{"no number", machine(1, 2, 1), []int{0, -1}, "[[] []]"},
	} {
		busy := make(map[int]bool)
		var got [][]int
		for _, n := range test.asks {
			chosen := Choose(test.cpus, busy, n)
			got = append(got, chosen)
			for _, id := range chosen {
				busy[id] = true
			}
		}
		if fmt.Sprint(got) != test.want {
			t.Errorf("%s: %v, want %s", test.what, got, test.want)
		}
	}
}

// TestChooseProperties: whatever starts and ends, sets are disjoint, and as
// large as asked for as long as so many are free.
func TestChooseProperties(t *testing.T) {
	for range 300 {
		cpus := [][]CPU{machine(1, 2, 1), machine(2, 4, 2), machine(4, 3, 2), hybrid(), holes()}[rand.IntN(5)]
		busy := make(map[int]bool)
		var held [][]int
		for range 50 {
			if len(held) > 0 && rand.IntN(2) == 0 {
				i := rand.IntN(len(held))
				for _, id := range held[i] {
					delete(busy, id)
				}
				held = slices.Delete(held, i, i+1)
				continue
			}
			n := 1 + rand.IntN(len(cpus))
			chosen := Choose(cpus, busy, n)
			if fits := n <= len(cpus)-len(busy); fits != (len(chosen) == n) || !fits && chosen != nil {
				t.Fatalf("%d of %v with %v busy: %v", n, cpus, busy, chosen)
			}
			for _, id := range chosen {
				if busy[id] || !slices.ContainsFunc(cpus, func(c CPU) bool { return c.ID == id }) {
					t.Fatalf("%d is taken, or none of ours", id)
				}
				busy[id] = true
			}
			held = append(held, chosen)
		}
	}
}
