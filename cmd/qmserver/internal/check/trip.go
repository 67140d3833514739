package check

import (
	"os"

	"qm/pkg/jobinfo"
)

// Trip returns what a job stumbled over, most likely, that ended as one does
// where a command is not found or can't be executed; "" if nothing is seen. It
// is given the job's command line, or else its program and arguments, of which
// the last is its script, and the PATH that it had. It opens regular files of
// the job's folder alone.
func Trip(dir *os.Root, command string, args []string, path string) string {
	h := &hinter{dir: dir, path: path, here: true}
	if last := len(args) - 1; last >= 0 {
		h.ownScript(jobinfo.Info{Format: jobinfo.Script, Shebang: args[:last], File: args[last]})
	} else {
		h.commandLine(command)
	}
	if len(h.hints) == 0 {
		return ""
	}
	return h.hints[0]
}
