package launch

import (
	"os"
	"os/exec"

	"qm/cmd/qmserver/internal/supervise"
)

// command is this program as a supervisor.
func command(runFile string) *exec.Cmd {
	path, err := os.Executable()
	if err != nil {
		path = os.Args[0]
	}
	return exec.Command(path, supervise.Args(runFile)...)
}
