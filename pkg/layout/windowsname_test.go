package layout

import (
	"strings"
	"testing"
)

func TestWindowsFault(t *testing.T) {
	for name, want := range map[string]string{
		"fit":                    "",
		"a.b c":                  "",
		"über.dat":               "",
		"~$x":                    "",
		"console":                "",
		"COM10":                  "",
		"com":                    "",
		"a:b":                    "has : in it",
		`a\b`:                    `has \ in it`,
		"what?":                  "has ? in it",
		"a\nb":                   "has a control character (0x0a) in it",
		"a.":                     "ends in a dot or a blank",
		"a ":                     "ends in a dot or a blank",
		"...":                    "ends in a dot or a blank",
		"CON":                    "is a device there",
		"nul.tar.gz":             "is a device there",
		"Com1 .x":                "is a device there",
		"LPT³":                   "is a device there",
		"\xff":                   "is not UTF-8",
		strings.Repeat("x", 255): "",
	} {
		if got := WindowsFault(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
