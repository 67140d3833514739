package disk

// Space is the room of a file system, in bytes.
type Space struct {
	Free  int64 // for users who are not root
	Total int64
}

// SpaceAt returns the room of the file system at path.
func SpaceAt(path string) (Space, error) { return space(path) }
