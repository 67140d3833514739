package topology

import (
	"encoding/binary"
	"math/bits"
	"unsafe"

	"golang.org/x/sys/windows"
)

// NewMachine returns this machine.
func NewMachine() *Machine { return &Machine{} }

// What x/sys/windows does not have of kernel32.
var (
	kernel32                         = windows.NewLazySystemDLL("kernel32.dll")
	getProcessAffinityMask           = kernel32.NewProc("GetProcessAffinityMask")
	getLogicalProcessorInformationEx = kernel32.NewProc("GetLogicalProcessorInformationEx")
	globalMemoryStatusEx             = kernel32.NewProc("GlobalMemoryStatusEx")
)

// Allowed returns the processors that this process may use, as it is now. It is
// empty where that can't be told, and on machines of more than one processor
// group, that is of more than 64: one mask does not tell which they are.
func (m *Machine) Allowed() []CPU {
	if windows.GetActiveProcessorCount(windows.ALL_PROCESSOR_GROUPS) != windows.GetActiveProcessorCount(0) {
		return nil
	}
	var mask, system uintptr
	if done, _, _ := getProcessAffinityMask.Call(uintptr(windows.CurrentProcess()), uintptr(unsafe.Pointer(&mask)), uintptr(unsafe.Pointer(&system))); done == 0 {
		return nil
	}
	if m.known == nil {
		m.known = belonging(relations())
	}
	var all []CPU
	for id := range 64 {
		if mask&(1<<id) == 0 {
			continue
		}
		cpu, known := m.known[id]
		if !known {
			cpu = CPU{ID: id, Core: id}
		}
		all = append(all, cpu)
	}
	return all
}

// The relations of SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX that are looked at.
const (
	relationCore = 0
	relationNode = 1
	relationAll  = 0xffff
)

// relations asks for all of them, one behind the other, or returns nothing.
func relations() []byte {
	size := uint32(0)
	_, _, _ = getLogicalProcessorInformationEx.Call(relationAll, 0, uintptr(unsafe.Pointer(&size)))
	if size == 0 {
		return nil
	}
	data := make([]byte, size)
	if done, _, _ := getLogicalProcessorInformationEx.Call(relationAll, uintptr(unsafe.Pointer(&data[0])), uintptr(unsafe.Pointer(&size))); done == 0 {
		return nil
	}
	return data[:size]
}

// belonging takes apart what Windows tells of cores and nodes of the first
// processor group: relation and size (4 bytes each), at 8 a node's number, at 32
// the mask of processors.
func belonging(data []byte) map[int]CPU {
	const header, number, maskAt, maskEnd = 8, 8, 32, 40
	all := make(map[int]CPU)
	for len(data) >= header {
		size := int(binary.LittleEndian.Uint32(data[4:]))
		if size < maskEnd || size > len(data) {
			break
		}
		mask := binary.LittleEndian.Uint64(data[maskAt:])
		first := bits.TrailingZeros64(mask)
		for id := range 64 {
			if mask&(1<<id) == 0 {
				continue
			}
			cpu := all[id]
			cpu.ID = id
			switch binary.LittleEndian.Uint32(data) {
			case relationCore:
				cpu.Core = first
			case relationNode:
				cpu.Node = int(binary.LittleEndian.Uint32(data[number:]))
			}
			all[id] = cpu
		}
		data = data[size:]
	}
	return all
}

// memoryStatus is MEMORYSTATUSEX.
type memoryStatus struct {
	length, load                                                   uint32
	total, free, totalPage, freePage, totalVirtual, freeVirtual, _ uint64
}

// Memory returns how much the machine has, in bytes, or 0 if that can't be told.
func (m *Machine) Memory() int64 {
	status := memoryStatus{length: uint32(unsafe.Sizeof(memoryStatus{}))}
	if done, _, _ := globalMemoryStatusEx.Call(uintptr(unsafe.Pointer(&status))); done == 0 {
		return 0
	}
	return int64(status.total)
}

// Load tells that it is not known.
func (m *Machine) Load() (float64, bool) { return 0, false }

// Quota returns 0: there is no limit that we know of.
func (m *Machine) Quota() int { return 0 }
