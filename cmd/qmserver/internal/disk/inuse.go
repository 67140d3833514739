package disk

import "errors"

// IsInUse tells whether a folder could not be moved because some program has it,
// or something in it, open: on Windows that keeps it where it is.
func IsInUse(err error) bool {
	for _, used := range inUse {
		if errors.Is(err, used) {
			return true
		}
	}
	return false
}
