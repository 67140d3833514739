package topology

import (
	"encoding/binary"
	"reflect"
	"runtime"
	"testing"
)

func TestAllowed(t *testing.T) {
	m := NewMachine()
	all := m.Allowed()
	if len(all) != runtime.NumCPU() {
		t.Errorf("%v, want %d processors", all, runtime.NumCPU())
	}
	if m.Memory() < 64<<20 {
		t.Errorf("memory: %d bytes", m.Memory())
	}
}

// relation is one of SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX.
func relation(kind, number uint32, mask uint64) []byte {
	b := make([]byte, 48)
	binary.LittleEndian.PutUint32(b, kind)
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)))
	binary.LittleEndian.PutUint32(b[8:], number)
	binary.LittleEndian.PutUint64(b[32:], mask)
	return b
}

func TestBelonging(t *testing.T) {
	var data []byte
	data = append(data, relation(relationCore, 1, 0b0011)...)
	data = append(data, relation(relationNode, 3, 0b1111)...)
	data = append(data, relation(7, 9, 0b1111)...)
	data = append(data, relation(relationCore, 0, 0b1100)...)
	want := map[int]CPU{0: {0, 0, 3}, 1: {1, 0, 3}, 2: {2, 2, 3}, 3: {3, 2, 3}}
	for _, torn := range []int{0, 4, 30} {
		if got := belonging(append(data, relation(0, 0, 1)[:torn]...)); !reflect.DeepEqual(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
}
