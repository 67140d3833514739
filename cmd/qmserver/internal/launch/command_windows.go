package launch

import (
	"os"
	"os/exec"

	"qm/cmd/qmserver/internal/account"
)

// command is this program as a supervisor.
func command() *exec.Cmd {
	path, err := os.Executable()
	if err != nil {
		path = os.Args[0]
	}
	return exec.Command(path, "-supervise")
}

// become does nothing: here jobs do not run as their owners.
func become(*exec.Cmd, *account.Account) {}
