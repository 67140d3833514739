package supervise

import (
	"runtime/debug"
	"runtime/metrics"
)

const (
	// enough is how many tasks a supervisor does. Each leaves some 15 KB that
	// are not collected, see lean, and there is room for that many below 1.5 MB.
	// To start another one costs no more than to collect them.
	enough = 10
	// plenty is how many bytes a supervisor allocates only for a folder that
	// holds very much.
	plenty = 4 << 20
)

// memory tells when a supervisor has grown.
type memory struct {
	tasks     int // done
	allocated []metrics.Sample
}

func newMemory() *memory {
	return &memory{allocated: []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}}
}

func (m *memory) large() bool {
	metrics.Read(m.allocated)
	return m.allocated[0].Value.Uint64() > plenty
}

// worn counts a task and tells whether the next one is better given to a new
// supervisor.
func (m *memory) worn() bool {
	m.tasks++
	return m.tasks >= enough || m.large()
}

// free gives back what a large folder took, before nothing happens for long.
func (m *memory) free() {
	if m.large() {
		debug.FreeOSMemory()
	}
}
