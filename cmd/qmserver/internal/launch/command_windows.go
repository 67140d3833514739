package launch

import (
	"os"
	"os/exec"
)

// command is this program as a supervisor.
func command() *exec.Cmd {
	path, err := os.Executable()
	if err != nil {
		path = os.Args[0]
	}
	return exec.Command(path, "-supervise")
}
