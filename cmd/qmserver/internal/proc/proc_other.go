//go:build !linux && !darwin

package proc

import "strconv"

// Adopt does nothing: no other system knows subreapers.
func Adopt() error { return nil }

// KeepDescriptors does nothing.
func KeepDescriptors() {}

// Children finds nothing.
func Children() []int { return nil }

// Descendants returns the processes given.
func Descendants(of []int) []int { return of }

// Find knows the number only.
func Find(pid int) Process { return Process{pid, strconv.Itoa(pid)} }

// WithVariable finds nothing.
func WithVariable(string, string, int) []int { return nil }

// Commands finds nothing.
func Commands(func([]string) bool) []Command { return nil }

// Kill does nothing: there is nothing that was found.
func Kill(int) error { return nil }

// Reap finds nothing that has ended.
func Reap(int) bool { return false }
