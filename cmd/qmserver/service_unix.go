//go:build unix

package main

import "context"

// serveHere serves as whatever has started this program wants it.
func serveHere(opt options) error { return serve(context.Background(), opt) }
