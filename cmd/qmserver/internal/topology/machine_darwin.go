package topology

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// NewMachine returns this machine.
func NewMachine() *Machine { return &Machine{} }

// Allowed returns nothing: jobs can't be pinned here.
func (m *Machine) Allowed() []CPU { return nil }

// Memory returns how much the machine has, in bytes, or 0 if that can't be told.
func (m *Machine) Memory() int64 {
	size, err := unix.SysctlUint64("hw.memsize")
	if err != nil {
		return 0
	}
	return int64(size)
}

// Load returns how many processes of the machine wanted to run, on average over
// the last minute. False: it can't be told. What is read is struct loadavg of
// sys/resource.h: three numbers of 32 bits, and at 16 by what they are to be
// divided.
func (m *Machine) Load() (float64, bool) {
	data, err := unix.SysctlRaw("vm.loadavg")
	if err != nil || len(data) < 24 {
		return 0, false
	}
	scale := binary.LittleEndian.Uint64(data[16:])
	if scale == 0 {
		return 0, false
	}
	return float64(binary.LittleEndian.Uint32(data)) / float64(scale), true
}

// Quota returns 0: there is no limit that we know of.
func (m *Machine) Quota() int { return 0 }
