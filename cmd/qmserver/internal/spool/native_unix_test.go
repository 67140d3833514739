//go:build unix

package spool

// native is what the tests' jobs say, which is written for a shell.
func native(cfg string) string { return cfg }
