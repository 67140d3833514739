package config

import (
	"fmt"
	"strings"

	"qm/pkg/jobinfo"
	"qm/pkg/layout"
)

// warnUnknown warns of each key of the section that is none of webKeys.
func (r *reader) warnUnknown(s *jobinfo.Section) {
	for _, k := range s.Keys() {
		near, distance := "", 0
		for _, known := range webKeys {
			if d := editDistance(k.Name, strings.ToLower(known.name)); near == "" || d < distance {
				near, distance = known.name, d
			}
		}
		if distance == 0 {
			continue
		}
		warning := fmt.Sprintf("%s, line %d: [%s] has no key %s", r.file, k.Line, s.Name, layout.Display(k.Name))
		if distance <= len(near)/2 {
			warning += ", did you mean " + near + "?"
		} else {
			warning += "; the nearest one is " + near
		}
		r.c.Warnings = append(r.c.Warnings, warning)
	}
}

// editDistance is the number of bytes to insert, remove or replace to make b
// of a.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
