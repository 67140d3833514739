package jobinfo

import (
	"bytes"
	"strings"

	"qm/pkg/layout"
)

// parseWindowsScript reads the leading comment lines of a batch file or of a
// PowerShell script: `REM QM key : value` or `# QM key : value`. They end with
// the first line that is neither blank nor a comment, nor one that turns the
// echo off. Line ends are those of Windows or of others, and PowerShell wants
// the byte order mark that is refused elsewhere.
func (f *form) parseWindowsScript(data []byte) {
	text, ok := f.text(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
	if !ok {
		return
	}
	lines := strings.Split(universalNewlines(text), "\n")
	for i, line := range lines {
		comment, ok := f.comment(strings.TrimSpace(line))
		if !ok {
			f.lateComments(lines[i:], i)
			return
		}
		if m := windowsMark().FindStringSubmatch(comment); m != nil {
			f.option(i+1, m[1])
		}
	}
}

// windowsMark is what begins a comment for us; #QM of a shell script too.
var windowsMark = layout.Pattern(`^\s*(?i:QM)\s+(.*)$`)

// comment returns what a leading line says behind its comment sign, if it says
// anything. It is false at the first command.
func (f *form) comment(line string) (text string, ok bool) {
	if f.info.Format == PowerShell {
		text, ok = strings.CutPrefix(line, "#")
		return text, ok || line == ""
	}
	line = strings.TrimLeft(line, "@ \t")
	lower := strings.ToLower(line)
	switch {
	case line == "", lower == "echo off", lower == "rem":
		return "", true
	case strings.HasPrefix(line, "::"):
		return line[len("::"):], true
	case strings.HasPrefix(lower, "rem ") || strings.HasPrefix(lower, "rem\t"):
		return line[len("rem"):], true
	}
	return "", false
}

// lateComments warns of lines that come too late to be read.
func (f *form) lateComments(lines []string, before int) {
	for i, line := range lines {
		comment, ok := f.comment(strings.TrimSpace(line))
		m := windowsMark().FindStringSubmatch(comment)
		if !ok || m == nil {
			continue
		}
		key, _, _ := strings.Cut(strings.ReplaceAll(m[1], "=", ":"), ":")
		if _, ours := keyOf(strings.TrimSpace(key)); ours {
			f.warn(", line %d: not read: lines for QM count only above the first command (line %d)", before+i+1, before+1)
			return
		}
	}
}
