// Package terminal turns what programs print for a terminal into plain text.
package terminal

import (
	"regexp"
	"slices"
	"strings"
)

// escape is a sequence by which programs colour their output and move the
// cursor (ECMA-48, sections 5.4 and 5.6).
var escape = regexp.MustCompile(`^\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[ -/]*[0-Z\\^-~])`)

// Text returns a piece of a log as a terminal would have left it: of a
// line written over with \r the last state, without colours and other
// controls. If the piece begins in the middle of the log, its first line is
// left out, since it may be a part of one.
func Text(data []byte, middle bool) string {
	var b strings.Builder
	for i, line := range Lines(data, middle) {
		if i > 0 {
			b.WriteByte('\n')
		}
		for _, span := range line {
			b.WriteString(span.Text)
		}
	}
	return b.String()
}

// printable drops controls, and the marks that reverse the order of letters
// (UAX 9): by them a line can say another thing than it shows.
func printable(r rune) rune {
	switch {
	case r == '\t':
		return r
	case r < 0x20, r >= 0x7f && r < 0xa0, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
		return -1
	}
	return r
}

// LastLine returns the last line that is not blank, without blanks around it.
func LastLine(data []byte) string {
	const enough = 8 << 10
	lines := strings.Split(Text(data[max(len(data)-enough, 0):], false), "\n")
	for _, line := range slices.Backward(lines) {
		if line = strings.TrimSpace(line); line != "" {
			return line
		}
	}
	return ""
}
