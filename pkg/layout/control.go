package layout

import "strings"

// Control is what a control file, put there with the file manager, asks for.
type Control string

// The control files: HOLD in a queued job's folder, STOP in a running job's,
// PAUSE in the queue folder itself.
const (
	Hold  Control = "HOLD"
	Stop  Control = "STOP"
	Pause Control = "PAUSE"
)

// IsControl tells whether a file of this name asks for c: the word in any
// case, bare or with the .txt that Windows gives to a new text file. That the
// file is a regular one is for the caller to look at.
func IsControl(name string, c Control) bool {
	word := string(c)
	if len(name) == len(word)+len(".txt") && strings.EqualFold(name[len(word):], ".txt") {
		name = name[:len(word)]
	}
	return strings.EqualFold(name, word)
}
