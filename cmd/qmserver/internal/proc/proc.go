// Package proc looks at the processes of this machine, on Linux through /proc, on
// macOS through sysctl(3), and signals them. On other systems the functions find
// nothing.
package proc

import (
	"fmt"
	"strconv"
)

// Process is a process that was found.
type Process struct {
	PID  int
	Name string // as the kernel keeps it, 15 bytes at most
}

// String names the process for people.
func (p Process) String() string { return fmt.Sprintf("%q (%d)", p.Name, p.PID) }

// mostNames is how many processes are worth to be named.
const mostNames = 20

// Names names processes for people.
func Names(pids []int) []string {
	var all []string
	for i, pid := range pids {
		if i == mostNames {
			return append(all, strconv.Itoa(len(pids)-i)+" more")
		}
		all = append(all, Find(pid).String())
	}
	return all
}

// Command is a process with what it was started as.
type Command struct {
	PID  int
	UID  int // whose it is, whatever rights it was given
	Args []string
}
