package disk

import "golang.org/x/sys/windows"

// inUse: a folder in which a file is open can't be moved, which is told as
// access that is denied; one that is open itself, or is a working directory,
// as a sharing violation.
var inUse = []error{windows.ERROR_SHARING_VIOLATION, windows.ERROR_ACCESS_DENIED, windows.ERROR_LOCK_VIOLATION}
