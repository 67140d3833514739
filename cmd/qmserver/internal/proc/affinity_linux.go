package proc

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Pin lets this thread, and what it forks, run on these processors only, until
// unpin. The caller's goroutine is locked to its thread. With an error nothing
// has changed.
func Pin(cpus []int) (unpin func() error, err error) {
	var before, want, got unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return nil, fmt.Errorf("read affinity: %w", err)
	}
	for _, cpu := range cpus {
		want.Set(cpu)
	}
	unpin = func() error { return unix.SchedSetaffinity(0, &before) }
	if err := unix.SchedSetaffinity(0, &want); err != nil {
		return nil, fmt.Errorf("set affinity: %w", err)
	}
	// What there is not was dropped without a word.
	if err := unix.SchedGetaffinity(0, &got); err != nil || got != want || got.Count() != len(cpus) {
		if err := unpin(); err != nil {
			return nil, fmt.Errorf("set affinity back: %w", err)
		}
		return nil, fmt.Errorf("set affinity: only %d of %d processors may be used", got.Count(), len(cpus))
	}
	return unpin, nil
}
