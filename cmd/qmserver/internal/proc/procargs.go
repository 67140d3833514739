package proc

import (
	"bytes"
	"encoding/binary"
)

// parseProcArgs takes apart what macOS tells of a process by KERN_PROCARGS2: how
// many arguments there are, the path of the program, filled up with zeros, the
// arguments, and the environment as it was at the start, up to an empty string.
func parseProcArgs(data []byte) (args, env []string) {
	const number = 4
	if len(data) < number {
		return nil, nil
	}
	left := int(binary.NativeEndian.Uint32(data))
	_, rest, _ := bytes.Cut(data[number:], []byte{0})
	rest = bytes.TrimLeft(rest, "\x00")
	for len(rest) > 0 {
		text, more, whole := bytes.Cut(rest, []byte{0})
		switch {
		case !whole:
			return args, env
		case left > 0:
			args = append(args, string(text))
			left--
		case len(text) == 0:
			return args, env
		default:
			env = append(env, string(text))
		}
		rest = more
	}
	return args, env
}
