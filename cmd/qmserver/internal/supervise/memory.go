package supervise

import (
	"runtime/debug"
	"runtime/metrics"

	"qm/cmd/qmserver/internal/proc"
)

const (
	// enough is after how many tasks a supervisor is worn. Each leaves some 15 KB
	// that are not collected, see lean, and there is room for that many below
	// 1.5 MB. While there is work it goes on; to start another one later costs no
	// more than to collect them.
	enough = 10
	// plenty is how many bytes a supervisor allocates only for a folder that
	// holds very much, or in some days of looking at one.
	plenty = 2 << 20
)

// memory tells when a supervisor has grown.
type memory struct {
	tasks  int // done
	sample []metrics.Sample
	freed  uint64 // bytes that had been allocated when garbage was collected
	begun  bool   // what only the start has needed is given back
}

func newMemory() *memory {
	return &memory{sample: []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}}
}

// allocated is since the start, freed or not.
func (m *memory) allocated() uint64 {
	metrics.Read(m.sample)
	return m.sample[0].Value.Uint64()
}

// worn counts a task and tells whether, unless there is another at once, the
// next one is better given to a new supervisor.
func (m *memory) worn() bool {
	m.tasks++
	return m.tasks >= enough || m.allocated() > plenty
}

// free gives back what is not needed any more, if that is much.
func (m *memory) free() {
	if !m.begun {
		proc.DropPages()
		m.begun = true
	}
	if now := m.allocated(); now-m.freed > plenty {
		debug.FreeOSMemory()
		m.freed = now
	}
}
