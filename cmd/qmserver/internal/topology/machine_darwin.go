//go:build !linux && !windows

package topology

// NewMachine returns this machine.
func NewMachine() *Machine { return &Machine{} }

// Allowed returns nothing: jobs can't be pinned here.
func (m *Machine) Allowed() []CPU { return nil }

// Memory returns 0: how much the machine has is not asked for here.
func (m *Machine) Memory() int64 { return 0 }

// Load tells that it is not known.
func (m *Machine) Load() (float64, bool) { return 0, false }

// Quota returns 0: there is no limit that we know of.
func (m *Machine) Quota() int { return 0 }
