package spool

import (
	"runtime"
	"strings"

	"golang.org/x/text/unicode/norm"

	"qm/pkg/layout"
)

// ownName is by what jobs of one name are known: the own name of the folder, as
// those see it who type it. macOS may write accents apart (NFD), and where the
// system takes names for one that differ in case, so does `after`.
func ownName(name string) string { return ownNameOn(runtime.GOOS, name) }

func ownNameOn(system, name string) string {
	name = norm.NFC.String(layout.OwnName(name))
	if system == "windows" || system == "darwin" {
		name = strings.ToLower(name)
	}
	return name
}
