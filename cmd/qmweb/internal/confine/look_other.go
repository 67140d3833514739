//go:build !unix

package confine

// isRoot is for systems that have no such user.
func isRoot() bool { return false }

// mayWrite can't be asked here without trying it.
func mayWrite(string) bool { return false }
