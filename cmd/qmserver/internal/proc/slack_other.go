//go:build !linux

package proc

// Leisurely calls start. Elsewhere than on Linux nothing is known to be gained.
func Leisurely(start func() error) error { return start() }

// Punctual does nothing.
func Punctual() {}

// Calm does nothing.
func Calm() {}
