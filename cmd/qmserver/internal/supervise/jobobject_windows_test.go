package supervise

import (
	"testing"

	"golang.org/x/sys/windows"
)

// TestMemoryPort: what is told of a limit is known when the object is closed,
// whatever else is told.
func TestMemoryPort(t *testing.T) {
	for _, c := range []struct {
		messages []uint32
		want     bool
	}{
		{[]uint32{6, 7, 4}, false},
		{[]uint32{6, jobMemoryLimit, 7, 4}, true},
	} {
		o, err := newJobObject(64 << 20)
		if err != nil {
			t.Fatal(err)
		}
		if o.memory == nil {
			t.Fatal("it has no port")
		}
		for _, m := range c.messages {
			if err := windows.PostQueuedCompletionStatus(o.memory.port, m, 0, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := o.close(); err != nil {
			t.Error(err)
		}
		if o.memory.refused() != c.want {
			t.Errorf("%v: refused %v", c.messages, o.memory.refused())
		}
	}
}
