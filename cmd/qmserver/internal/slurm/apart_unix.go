//go:build unix

package slurm

import (
	"os/exec"
	"syscall"
)

// apart puts a command in a session of its own: Ctrl-C is not meant for it.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
