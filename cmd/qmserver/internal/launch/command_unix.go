//go:build unix

package launch

import (
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"qm/cmd/qmserver/internal/supervise"
)

// command is this program as a supervisor, in a session of its own: neither
// Ctrl-C nor the end of the server's terminal reaches it.
func command(runFile string) *exec.Cmd {
	cmd := &exec.Cmd{Path: self(), Args: append([]string{"qmserver"}, supervise.Args(runFile)...), Dir: "/"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd
}

// handOver gives the supervisor the run file, and with it the lock: no moment
// is in between.
func handOver(cmd *exec.Cmd, file *os.File) error {
	cmd.ExtraFiles = []*os.File{file}
	return nil
}

// awaitReady: a supervisor has all that it needs from the beginning.
func awaitReady(stdout io.Reader) (io.Reader, error) { return stdout, nil }

// self is this program, on Linux also when its file has been replaced by a
// newer version or removed.
func self() string {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe"
	}
	path, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return path
}
