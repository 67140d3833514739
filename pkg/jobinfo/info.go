// Package jobinfo reads what users write and what their programs print: info
// files in their three formats, the INI syntax that configurations share with
// them, and progress lines. It reads only; all of it may be used concurrently.
package jobinfo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"qm/pkg/layout"
)

// Format is the syntax of an info file, which its name decides.
type Format int

// The formats: NAME.xml, NAME.sh, NAME.bat or NAME.cmd, NAME.ps1, and cfg for
// every other name.
const (
	CFG Format = iota
	XML
	Script
	Batch
	PowerShell
)

// FormatOf returns the format of an info file with this name.
func FormatOf(name string) Format {
	switch strings.ToLower(path.Ext(name)) {
	case ".xml":
		return XML
	case ".sh":
		return Script
	case ".bat", ".cmd":
		return Batch
	case ".ps1":
		return PowerShell
	}
	return CFG
}

// IsScript tells whether a file of the format is itself what is run.
func (f Format) IsScript() bool { return f == Script || f == Batch || f == PowerShell }

// example returns how the format writes this value.
func (f Format) example(key, value string) string {
	switch f {
	case XML:
		return fmt.Sprintf("<%s value=%q/>", key, value)
	case Script:
		return fmt.Sprintf("#QM %s : %s", key, value)
	case Batch:
		return fmt.Sprintf("REM QM %s : %s", key, value)
	case PowerShell:
		return fmt.Sprintf("# QM %s : %s", key, value)
	case CFG:
	}
	return fmt.Sprintf("%s = %s", key, value)
}

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
	Slurm    Directives // Script only: what it asks of Slurm
	Warnings []string   // what was read otherwise than its writer may think, in words
}

// Directives are the #SBATCH lines of a script, for a server that gives its jobs
// to Slurm.
type Directives struct {
	Lines      []string // the lines from #SBATCH on, as they stand
	Options    []string // the options in them, such as -c or --partition
	Processors bool     // they say how many processors, and #QM does not
	GPUs       bool     // they say how many GPUs, and #QM does not
	Ignored    []string // those of Warnings that are none where Slurm runs the job
}

// ErrNoInfoFile says that a job's folder holds none of the info files looked
// for; the error around it names them.
var ErrNoInfoFile = errors.New("no info file")

// Read reads the info file of the job in this folder: the first of names that
// exists. It never blocks, whatever lies there. None exists: ErrNoInfoFile.
// Not a regular file, too large, or refused by Parse: Refusals. Any other
// error is the file system's. With each of them Info holds what could be read.
func Read(job *os.Root, names []string) (Info, error) {
	for _, name := range names {
		data, err := layout.ReadFile(job, name, MaxSize)
		switch {
		case err == nil:
			return Parse(name, data)
		case errors.Is(err, fs.ErrNotExist):
			continue
		}
		f := newForm(name)
		switch {
		case errors.Is(err, layout.ErrNotRegular):
			f.refuse(Refusal{Problem: "not a regular file", Remedy: "put a text file in its place"})
		case errors.Is(err, layout.ErrTooLarge):
			f.refuse(tooLarge)
		default:
			return f.info, fmt.Errorf("read %s: %w", layout.Display(name), err)
		}
		return f.info, f.faults.err()
	}
	return Info{NbProc: 1}, fmt.Errorf("%w: put %s into the folder", ErrNoInfoFile, layout.Display(strings.Join(names, " or ")))
}

// Parse reads an info file, whose name decides its format. A file or a value
// that is refused gives Refusals, all of them at once; Info then holds what
// could be read, and is valid in itself.
func Parse(name string, data []byte) (Info, error) {
	f := newForm(name)
	switch f.info.Format {
	case XML:
		f.parseXML(data)
	case Script:
		f.parseScript(data)
	case Batch, PowerShell:
		f.parseWindowsScript(data)
	default:
		f.parseCFG(data)
	}
	return f.info, f.faults.err()
}
