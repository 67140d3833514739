package main

import (
	"errors"
	"fmt"
	"os"

	"qm/cmd/qmserver/internal/spool"
	"qm/pkg/jobinfo"
)

// The exit codes, as the README lists them.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2 // bad usage or configuration
	exitHeld   = 3 // another server holds the tree
)

var (
	errUsage  = errors.New("usage")
	errFailed = errors.New("failed") // what there is to say has been said
)

// exitCode says what the error is, and turns it into the exit code.
func exitCode(err error) int {
	var faults jobinfo.Refusals
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errFailed):
		return exitFailed
	}
	fmt.Fprintf(os.Stderr, "qmserver: %v\n", err)
	switch {
	case errors.Is(err, errUsage), errors.As(err, &faults):
		return exitUsage
	case errors.Is(err, spool.ErrHeld), errors.Is(err, spool.ErrLockLost):
		return exitHeld
	}
	return exitFailed
}
