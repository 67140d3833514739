// Package proc looks at the processes of this machine through /proc, and
// signals them. On systems without it the functions find nothing.
package proc

import "fmt"

// Process is a process that was found.
type Process struct {
	PID  int
	Name string // as the kernel keeps it, 15 bytes at most
}

// String names the process for people.
func (p Process) String() string { return fmt.Sprintf("%q (%d)", p.Name, p.PID) }
