// Package jobinfo reads what users write and what their programs print: info
// files in their three formats, the INI syntax that configurations share with
// them, and progress lines. It reads only; all of it may be used concurrently.
package jobinfo

import "time"

// Format is the syntax of an info file, which its name decides.
type Format int

// The formats: NAME.xml, NAME.sh, and cfg for every other name.
const (
	CFG Format = iota
	XML
	Script
)

// Info is what a job asks for. Where a value was refused the others are
// still set, so that mail and page can name the job's owner.
type Info struct {
	File     string // name of the info file
	Format   Format
	Command  string        // `script`: the command line for the shell; empty for a job that is its own script
	Shebang  []string      // Script only: interpreter and its argument from the #! line; empty if there is none
	NbProc   int           // processors, at least 1
	EMail    string        // one address, or empty
	Info     string        // a line of description
	Priority int           // higher starts first
	Size     string        // the user's own measure
	Limit    time.Duration // `time_limit`; 0: none asked
	Memory   int64         // bytes; 0: none asked
	NbGPU    int
	After    []string // names of jobs that must have succeeded first
	MaxLog   int64    // bytes; 0: none asked
	Rerun    bool
	Warnings []string // what was read otherwise than its writer may think, in words
}
