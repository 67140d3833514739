package folder

import "strings"

// isLitter tells of files that Finder and Explorer leave, at any time, in folders
// that someone only looks at. They are no part of a job.
func isLitter(name string) bool {
	switch name {
	case ".DS_Store", "Thumbs.db", "desktop.ini":
		return true
	}
	return strings.HasPrefix(name, "._")
}
