//go:build !linux && !windows

package proc

import "errors"

// Pin can't pin.
func Pin([]int) (unpin func() error, err error) { return nil, errors.ErrUnsupported }
