//go:build !unix

package snapshot

// userName is for systems on which a folder's owner has a number.
func userName(int) string { return "" }
