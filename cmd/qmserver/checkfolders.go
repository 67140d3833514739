package main

import (
	"os"

	"qm/cmd/qmserver/internal/check"
	"qm/cmd/qmserver/internal/config"
	"qm/cmd/qmserver/internal/topology"
)

// checkFolders says of each folder what it would run, or why it would not.
func checkFolders(opt options) error {
	cfg, err := readConfig(opt.config)
	if err != nil {
		return err
	}
	memory := memoryOf(cfg, topology.NewMachine())
	server := check.Server{
		JobFiles: cfg.JobFiles, Path: os.Getenv("PATH"),
		Refuse: refusal(cfg, memory), Slurm: cfg.LaunchType == config.Slurm,
	}
	if cfg.RunAs == config.Owner {
		server.Path = cfg.Path
	}
	results := check.Folders(opt.folders, server)
	write := check.WriteText
	if opt.json {
		write = check.WriteJSON
	}
	if err := write(os.Stdout, results); err != nil {
		return err
	}
	for _, r := range results {
		if !r.OK {
			return errFailed
		}
	}
	return nil
}
