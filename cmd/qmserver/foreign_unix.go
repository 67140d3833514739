//go:build unix

package main

import "qm/pkg/jobinfo"

// isForeign tells of scripts that this system can't run.
func isForeign(f jobinfo.Format) bool { return f == jobinfo.Batch || f == jobinfo.PowerShell }

const foreignWords = " is a script for Windows, and this server runs elsewhere: write a job.sh, or name what runs it in a proc_config.cfg"
