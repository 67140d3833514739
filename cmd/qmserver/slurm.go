package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"time"

	"qm/cmd/qmserver/internal/config"
	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/launch"
	"qm/cmd/qmserver/internal/spool"
	"qm/cmd/qmserver/internal/supervise"
	"qm/pkg/layout"
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

// launcher is who runs the jobs, until it is closed.
type launcher interface {
	spool.Launcher
	io.Closer
}

// launcherOf returns who runs the jobs by the configuration. What Slurm still has
// of an earlier one is followed to its end.
func launcherOf(cfg config.Config, local *launch.Local, log *slog.Logger) (launcher, error) {
	here := cfg.LaunchType != config.Slurm
	if here && !launch.HasRuns(local.Runs()) {
		return local, nil
	}
	tree := layout.Tree(cfg.Folder)
	s, err := launch.NewSlurm(local, tree, launch.SlurmOptions{
		Options: cfg.Cluster.Options, Env: supervise.JobEnviron(os.Environ()), Every: cfg.Cluster.Every,
		Patience: patienceWith(cfg), Here: here,
	}, log)
	if err != nil {
		return nil, errors.Join(err, local.Close())
	}
	return s, nil
}

// What a network file system tells comes late by as much as it remembers what it
// has seen, which is a minute mostly.
const (
	patienceHere   = time.Second
	patienceRemote = time.Minute
)

// patienceWith is how long after Slurm's last word what a job left may come to
// light.
func patienceWith(cfg config.Config) time.Duration {
	if disk.IsRemote(cfg.Folder) {
		return patienceRemote
	}
	return max(patienceHere, 2*cfg.Cluster.Every)
}
