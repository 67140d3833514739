package mail

import (
	"strings"
	"unicode"

	"qm/pkg/layout"
)

// What a letter holds of a log.
const (
	mostLines   = 20
	longestLine = 400     // bytes
	mostBytes   = 8 << 10 // of all lines
)

// lastLines returns the last lines of a log as plain text: as a terminal would
// leave them, without what moves and colours.
func lastLines(log string) []string {
	all := strings.Split(strings.TrimRight(log, "\r\n"), "\n")
	all = all[max(0, len(all)-mostLines):]
	total := 0
	var lines []string
	for _, text := range all {
		text = short(plain(text), longestLine)
		lines = append(lines, text)
		total += len(text) + 1
	}
	for total > mostBytes {
		total -= len(lines[0]) + 1
		lines = lines[1:]
	}
	if len(lines) == 1 && lines[0] == "" {
		return nil
	}
	return lines
}

var escape = layout.Pattern(`\x1b(?:\[[0-?]*[ -/]*[@-~]?|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~]?)`)

// plain returns a line without escape sequences and control characters. Of a
// progress bar, which a carriage return begins anew, the last state is left.
func plain(line string) string {
	line = strings.TrimRight(strings.ToValidUTF8(line, "?"), "\r")
	line = escape().ReplaceAllString(line, "")
	line = strings.TrimRight(line, "\r")
	line = line[strings.LastIndexByte(line, '\r')+1:]
	return strings.TrimRight(strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, line), " ")
}
