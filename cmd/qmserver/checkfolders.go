package main

import (
	"os"

	"qm/cmd/qmserver/internal/check"
	"qm/cmd/qmserver/internal/topology"
	"qm/pkg/jobinfo"
)

// checkFolders says of each folder what it would run, or why it would not.
func checkFolders(opt options) error {
	cfg, err := readConfig(opt.config)
	if err != nil {
		return err
	}
	memory := memoryOf(cfg, topology.NewMachine())
	results := check.Folders(opt.folders, cfg.JobFiles, func(info jobinfo.Info) string { return refuse(info, len(cfg.GPUs), memory) })
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
