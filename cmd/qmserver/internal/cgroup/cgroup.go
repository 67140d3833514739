// Package cgroup uses the control groups of Linux, version 2, where a part of
// their tree was given to this server; see "Delegation" in cgroup-v2.rst of Linux.
// Each supervisor is then in a group of its own, below which all stays that comes
// of its jobs, and a job with a limit of memory in one that the kernel holds to it.
// Elsewhere there are none, and all methods of a nil value do nothing.
package cgroup

import "os"

// Leaf is the group in which a server finds itself whose parent was given to it:
// DelegateSubgroup= of systemd.exec(5) makes it.
const Leaf = "qm-server"

// prefix begins the names of the groups of runs.
const prefix = "qm-run-"

// Groups makes the groups of one server's supervisors. Its methods may be called
// by any goroutine.
type Groups struct {
	dir    string // the group that was given to us
	memory bool
}

// Group is that of one supervisor. Below it are one for itself, and one for the
// job that it has, if that has a limit of memory.
type Group struct {
	Path string
	home *os.File // where the supervisor is
}

// Limited is the group of one job.
type Limited struct {
	path string
	dir  *os.File
}

// String tells people which are used.
func (g *Groups) String() string {
	switch {
	case g == nil:
		return "none"
	case g.memory:
		return g.dir
	}
	return g.dir + " (without memory)"
}
