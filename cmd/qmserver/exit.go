package main

import (
	"errors"
	"fmt"
	"os"

	"qm/cmd/qmserver/internal/spool"
)

// The exit codes, as the README lists them.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2 // bad usage or configuration
	exitHeld   = 3 // another server holds the tree
)

// errFailed says that it failed and that what there is to say has been said.
var errFailed = errors.New("failed")

// usageError is an error in how the program was called or configured.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// exitCode says what the error is, and turns it into the exit code.
func exitCode(err error) int {
	_, usage := errors.AsType[usageError](err)
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errFailed):
		return exitFailed
	}
	fmt.Fprintf(os.Stderr, "qmserver: %v\n", err)
	switch {
	case usage:
		return exitUsage
	case errors.Is(err, spool.ErrHeld), errors.Is(err, spool.ErrLockLost):
		return exitHeld
	}
	return exitFailed
}
