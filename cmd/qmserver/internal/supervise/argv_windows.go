package supervise

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"
)

// argv returns the program to execute and, behind it, its arguments or the one
// command line that cmd reads in its own way.
func (a *attempt) argv() []string {
	if len(a.Args) > 0 && a.Args[0] == "cmd.exe" {
		return append([]string{shell()}, a.Args[1:]...)
	}
	if len(a.Args) > 0 {
		return a.Args
	}
	return []string{shell(), a.Command}
}

// shell is cmd.exe of the system, whatever else is called so.
func shell() string {
	dir, err := windows.GetSystemDirectory()
	if err != nil {
		dir = filepath.Join(os.Getenv("SystemRoot"), "System32")
	}
	return filepath.Join(dir, "cmd.exe")
}

// commandLine is what the program gets. Cmd takes off the first and the last
// quote (/s) and reads what is between as it stands; /d keeps other commands
// out that someone has put into the registry.
func commandLine(argv []string) string {
	if strings.EqualFold(filepath.Base(argv[0]), "cmd.exe") {
		return `"` + argv[0] + `" /d /s /c "` + strings.Join(argv[1:], " ") + `"`
	}
	return windows.ComposeCommandLine(argv)
}
