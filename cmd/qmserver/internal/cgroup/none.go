//go:build !linux

package cgroup

import (
	"errors"
	"syscall"
)

// Delegated returns nil: there are no control groups.
func Delegated() *Groups { return nil }

// PathFor returns "".
func (g *Groups) PathFor(string) string { return "" }

// Make makes nothing.
func (g *Groups) Make(string, int) (*Group, error) { return nil, nil }

// Remove removes nothing.
func (g *Groups) Remove(string) {}

// Processes finds nothing.
func (g *Groups) Processes(string) []int { return nil }

// Put does nothing.
func (g *Group) Put(*syscall.SysProcAttr) {}

// Close does nothing.
func (g *Group) Close() {}

// Limit fails.
func Limit(string, int64) (*Limited, error) { return nil, errors.ErrUnsupported }

// Put does nothing.
func (l *Limited) Put(*syscall.SysProcAttr) {}

// Exceeded tells of nothing.
func (l *Limited) Exceeded() bool { return false }

// Close does nothing.
func (l *Limited) Close() error { return nil }
