package main

import (
	"os"

	"qm/cmd/qmserver/internal/check"
)

// checkFolders says of each folder what it would run, or why it would not.
func checkFolders(opt options) error {
	cfg, err := readConfig(opt.config)
	if err != nil {
		return err
	}
	results := check.Folders(opt.folders, cfg.JobFiles)
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
