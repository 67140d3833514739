//go:build !unix

package layout

// NonBlock is for systems that have FIFOs in folders; this one has none.
const NonBlock = 0
