package check

import (
	"bytes"
	"fmt"
	"path"
	"strings"
)

// head is the beginning of a script.
type head struct {
	name string // for people
	data []byte
}

const bom = "\xef\xbb\xbf"

// faults tells what the kernel, if the script is executed, and a shell, if that
// reads it, stumble over.
func (h head) faults(executed, byShell bool) []string {
	line, _, _ := bytes.Cut(h.data, []byte("\n"))
	marked := bytes.HasPrefix(line, []byte("#!"))
	byShell = byShell || executed && (!marked || isShell(h.interpreter()))
	fault := ""
	switch {
	case bytes.HasPrefix(h.data, []byte(bom)):
		fault = "begins with a byte order mark (BOM), so its first line is not understood: save it as UTF-8 without BOM"
	case bytes.HasPrefix(h.data, []byte("\xff\xfe")), bytes.HasPrefix(h.data, []byte("\xfe\xff")):
		fault = "is UTF-16: save it as UTF-8 without BOM"
	case bytes.IndexByte(h.data, 0) >= 0: // a program
	case executed && marked && bytes.HasSuffix(line, []byte("\r")):
		fault = "its #! line ends with CR LF, as Windows writes it, and no interpreter is found by that name: save it with LF line ends"
	case byShell && bytes.Contains(h.data, []byte("\r\n")):
		fault = "its lines end with CR LF, as Windows writes them, and a shell takes the CR for a part of its words: save it with LF line ends"
	}
	if fault == "" {
		return nil
	}
	return []string{fmt.Sprintf("%s: %s", h.name, fault)}
}

// interpreter returns the program of the #! line, or the one that env is told to
// start; empty: there is none.
func (h head) interpreter() string {
	line, _, _ := bytes.Cut(h.data, []byte("\n"))
	rest, marked := strings.CutPrefix(string(line), "#!")
	if !marked {
		return ""
	}
	return interpreterOf(strings.Fields(rest))
}

// interpreterOf takes the words of a #! line.
func interpreterOf(fields []string) string {
	if len(fields) == 0 {
		return ""
	}
	if path.Base(fields[0]) != "env" {
		return fields[0]
	}
	for _, f := range fields[1:] {
		if f != "-S" && !strings.Contains(f, "=") {
			return f
		}
	}
	return fields[0]
}

// isShell tells whether a program reads scripts as sh does.
func isShell(program string) bool {
	switch path.Base(program) {
	case "sh", "bash", "dash", "ksh", "zsh", "ash", "mksh":
		return true
	}
	return false
}
