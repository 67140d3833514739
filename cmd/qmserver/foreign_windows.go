package main

import "qm/pkg/jobinfo"

// isForeign tells of scripts that this system can't run.
func isForeign(f jobinfo.Format) bool { return f == jobinfo.Script }

const foreignWords = " is a shell script, and this server runs on Windows: write a job.bat, or name what runs it in a proc_config.cfg, such as script = sh job.sh"
