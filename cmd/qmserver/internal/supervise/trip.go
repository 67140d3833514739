package supervise

import (
	"fmt"
	"os"
	"runtime"

	"qm/cmd/qmserver/internal/check"
)

// The codes by which a shell says that a command could not be executed, or was
// not found; see sh(1), "exit status".
const (
	notExecuted = 126
	notFound    = 127
)

// stumbled tells people of a job that ended by itself what it stumbled over, most
// likely, and what helps; "" if its code does not say that it did.
func (a *attempt) stumbled(first status) string {
	if runtime.GOOS == "windows" || first.signal != 0 {
		return ""
	}
	said, remedy := "", ""
	switch first.code {
	case notExecuted:
		said = "a file could not be executed"
		remedy = "it needs an x bit (chmod +x), and a #! line whose interpreter is here"
	case notFound:
		said = "a command was not found"
		remedy = "it has to lie in a folder of PATH, or to be called with its path, such as ./run.sh"
	default:
		return ""
	}
	if seen := check.Trip(a.dir, a.Command, a.Args, os.Getenv("PATH")); seen != "" {
		remedy = seen
	}
	return fmt.Sprintf("%s (exit code %d): %s", said, first.code, remedy)
}
