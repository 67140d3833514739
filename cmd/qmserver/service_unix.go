//go:build unix

package main

import (
	"context"

	"qm/cmd/qmserver/internal/proc"
)

// serveHere serves as whatever has started this program wants it.
func serveHere(opt options) error {
	proc.Calm()
	return serve(context.Background(), opt)
}
