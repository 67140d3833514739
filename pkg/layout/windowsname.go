package layout

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// windowsDevices are names of devices of Windows in any folder, also with an
// ending; see "Naming Files, Paths, and Namespaces" of Microsoft.
var windowsDevices = []string{
	"con", "prn", "aux", "nul", "conin$", "conout$",
	"com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9", "com¹", "com²", "com³",
	"lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9", "lpt¹", "lpt²", "lpt³",
}

// WindowsFault tells why Windows can't hold a file or folder of that name, in
// words that go on behind the name, or "".
func WindowsFault(name string) string {
	for _, r := range name {
		if r < ' ' || strings.ContainsRune(`<>:"|?*\`, r) {
			return "has " + shownRune(r) + " in it"
		}
	}
	if last := strings.TrimRight(name, ". "); last != name {
		return "ends in a dot or a blank"
	}
	base, _, _ := strings.Cut(name, ".")
	if slices.Contains(windowsDevices, strings.ToLower(strings.TrimRight(base, " "))) {
		return "is a device there"
	}
	if !utf8.ValidString(name) {
		return "is not UTF-8"
	}
	return ""
}

func shownRune(r rune) string {
	if r < ' ' {
		return fmt.Sprintf("a control character (%#02x)", r)
	}
	return string(r)
}
