package launch

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"

	"qm/cmd/qmserver/internal/supervise"
)

// command is this program as a supervisor, without a console: neither Ctrl-C
// nor the end of the server's window reaches it. If the server is in a job
// object of others', such as that of a remote session, it leaves that if it may.
func command(runFile string) *exec.Cmd {
	path, err := os.Executable()
	if err != nil {
		path = os.Args[0]
	}
	cmd := exec.Command(path, supervise.Args(runFile)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: windows.DETACHED_PROCESS | windows.CREATE_NEW_PROCESS_GROUP}
	if mayBreakAway() {
		cmd.SysProcAttr.CreationFlags |= windows.CREATE_BREAKAWAY_FROM_JOB
	}
	return cmd
}

func mayBreakAway() bool {
	var info windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	err := windows.QueryInformationJobObject(0, windows.JobObjectExtendedLimitInformation, uintptr(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)), nil)
	return err == nil && info.BasicLimitInformation.LimitFlags&windows.JOB_OBJECT_LIMIT_BREAKAWAY_OK != 0
}

// handOver gives up the run file: a lock is not inherited here, so the
// supervisor takes it itself, before it is told of a job.
func handOver(_ *exec.Cmd, file *os.File) error { return file.Close() }

// readyWithin is how long a supervisor may take to be there.
const readyWithin = 30 * time.Second

// awaitReady returns when the supervisor has the lock of its run file, which it
// says by a line, and what it will say.
func awaitReady(stdout io.Reader) (io.Reader, error) {
	lines := bufio.NewReader(stdout)
	ready := make(chan error, 1)
	go func() {
		line, err := lines.ReadString('\n')
		if err == nil && line != supervise.ReadyLine {
			err = fmt.Errorf("it says %q", line)
		}
		ready <- err
	}()
	select {
	case err := <-ready:
		if err != nil {
			err = fmt.Errorf("supervisor does not take its run file: %w", err)
		}
		return lines, err
	case <-time.After(readyWithin):
		return nil, errors.New("supervisor does not start")
	}
}
