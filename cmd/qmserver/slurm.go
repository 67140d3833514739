package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// slurmCommands are those by which QM speaks to Slurm.
var slurmCommands = []string{"sbatch", "squeue", "scancel", "scontrol"}

// checkCommands tells which of Slurm's commands are not there.
func checkCommands() error {
	var missing []string
	for _, name := range slurmCommands {
		if _, err := exec.LookPath(name); err != nil {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return usageError{fmt.Errorf("launch_type = slurm: there is no %s in PATH (%s); install Slurm's commands on this machine, which must belong to the cluster, or write launch_type = non-blocking",
		strings.Join(missing, ", no "), os.Getenv("PATH"))}
}
