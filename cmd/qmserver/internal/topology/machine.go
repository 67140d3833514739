package topology

import "io/fs"

// Machine tells which processors there are for us. It is used by one goroutine.
type Machine struct {
	root  fs.FS // /
	known map[int]CPU
}
