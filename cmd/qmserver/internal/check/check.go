// Package check says of job folders, without a server and without changing
// them, what they would run or why they would be refused.
package check

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"qm/pkg/jobinfo"
	"qm/pkg/layout"
)

// Result is what is to be said of one folder. Values that were not asked for
// are the defaults; of a folder that is refused, those that could be read.
type Result struct {
	Folder   string   `json:"folder"` // as it was asked, shown as layout.Display does
	ID       string   `json:"id"`     // layout.ID of its name
	Name     string   `json:"name"`
	OK       bool     `json:"ok"`
	Reason   string   `json:"reason"` // why it is refused; empty if it is not
	InfoFile string   `json:"info_file"`
	Script   string   `json:"script"`
	NbProc   int      `json:"nb_proc"`
	EMail    string   `json:"e_mail"`
	Info     string   `json:"info"`
	Priority int      `json:"priority"`
	Size     string   `json:"size"`
	Limit    float64  `json:"time_limit_seconds"` // 0: none asked
	Memory   int64    `json:"memory_bytes"`       // 0: none asked
	NbGPU    int      `json:"nb_gpu"`
	After    []string `json:"after"`
	MaxLog   int64    `json:"max_log_bytes"` // 0: none asked
	Rerun    bool     `json:"rerun"`
	Warnings []string `json:"warnings"`

	// Elsewhere is what the job would trip over on other systems.
	Elsewhere []string `json:"elsewhere"`
}

// Server is what the configuration says of how jobs are run.
type Server struct {
	JobFiles []string
	Path     string                    // PATH of the jobs
	Refuse   func(jobinfo.Info) string // why it can't ever run such a job, in words, or ""
	Slurm    bool                      // Slurm runs its jobs
}

// Folders checks each folder, in the order asked. What the server can't ever run
// is refused in its words; what a job would trip over is a warning.
func Folders(folders []string, server Server) []Result {
	results := make([]Result, 0, len(folders))
	for _, folder := range folders {
		info, elsewhere, err := read(folder, server)
		if server.Slurm {
			info = info.ForSlurm()
		}
		if why := server.Refuse(info); err == nil && why != "" {
			err = errors.New(why)
		}
		results = append(results, resultOf(folder, info, elsewhere, err))
	}
	return results
}

// read also tells what the job would trip over elsewhere.
func read(folder string, server Server) (info jobinfo.Info, elsewhere []string, err error) {
	path, err := filepath.Abs(folder)
	if err != nil {
		return info, nil, err
	}
	parent, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return info, nil, err
	}
	defer parent.Close()
	dir, err := layout.OpenJob(parent, filepath.Base(path))
	if errors.Is(err, layout.ErrNotFolder) {
		return info, nil, fmt.Errorf("%w: a job is a folder", err)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return info, nil, errors.New("there is no such folder")
	}
	if err != nil {
		return info, nil, err
	}
	defer dir.Close()
	info, err = jobinfo.Read(dir, server.JobFiles)
	here, elsewhere := hints(dir, filepath.Base(path), info, server.Path)
	info.Warnings = append(info.Warnings, here...)
	return info, elsewhere, err
}

func resultOf(folder string, info jobinfo.Info, elsewhere []string, err error) Result {
	name := filepath.Base(folder)
	if abs, err := filepath.Abs(folder); err == nil {
		name = filepath.Base(abs)
	}
	r := Result{
		Folder: layout.Display(folder), ID: layout.ID(name), Name: layout.Display(name), OK: err == nil, InfoFile: info.File,
		Script: info.Command, NbProc: max(info.NbProc, 1), EMail: info.EMail, Info: info.Info,
		Priority: info.Priority, Size: info.Size, Limit: info.Limit.Seconds(), Memory: info.Memory,
		NbGPU: info.NbGPU, After: list(info.After), MaxLog: info.MaxLog, Rerun: info.Rerun, Warnings: list(info.Warnings), Elsewhere: list(elsewhere),
	}
	if info.Format.IsScript() && info.Command == "" {
		r.Script = strings.Join(append(info.Shebang, info.File), " ")
	}
	if err != nil {
		r.Reason = err.Error()
	}
	return r
}

// list is a list also where there is nothing: [] in JSON, not null.
func list(items []string) []string { return append([]string{}, items...) }

// WriteJSON writes the results as one JSON object.
func WriteJSON(w io.Writer, results []Result) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(struct {
		Jobs []Result `json:"jobs"`
	}{results})
}

// WriteText writes the results for people.
func WriteText(w io.Writer, results []Result) error {
	for _, r := range results {
		if _, err := io.WriteString(w, r.text()); err != nil {
			return err
		}
	}
	return nil
}

func (r Result) text() string {
	var b strings.Builder
	if !r.OK {
		fmt.Fprintf(&b, "%s: refused\n    %s\n", r.Folder, strings.ReplaceAll(r.Reason, "\n", "\n    "))
	} else {
		fmt.Fprintf(&b, "%s: runs %s\n    nb_proc %d, priority %d", r.Folder, layout.Display(r.Script), r.NbProc, r.Priority)
		if r.EMail != "" {
			fmt.Fprintf(&b, ", mail to %s", r.EMail)
		}
		if r.Limit > 0 {
			fmt.Fprintf(&b, ", at most %v s", r.Limit)
		}
		b.WriteString("\n")
	}
	for _, warning := range r.Warnings {
		fmt.Fprintf(&b, "    warning: %s\n", warning)
	}
	for _, other := range r.Elsewhere {
		fmt.Fprintf(&b, "    elsewhere: %s\n", other)
	}
	return b.String()
}
