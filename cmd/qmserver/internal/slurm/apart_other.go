//go:build !unix

package slurm

import "os/exec"

// apart: there is no Slurm for this system.
func apart(*exec.Cmd) {}
