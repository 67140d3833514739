//go:build unix

package config

// scripts are the info files that are themselves what is run.
var scripts = []string{"job.sh"}
