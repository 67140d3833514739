//go:build !linux

package events

import "errors"

// Open is for systems whose events we read; here folders are looked at.
func Open() *Watcher { return nil }

// Close ends the watcher.
func (w *Watcher) Close() error { return nil }

// Watch tells that there is nothing that could watch.
func (w *Watcher) Watch(string, bool) (int, error) { return 0, errors.ErrUnsupported }

// Forget ends a watch.
func (w *Watcher) Forget(int) {}
