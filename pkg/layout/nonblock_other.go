//go:build !unix

package layout

// nonblock is for systems that have FIFOs in folders; this one has none.
const nonblock = 0
