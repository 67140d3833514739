package layout

import (
	"regexp"
	"sync"
)

// Pattern returns a regular expression that is compiled when it is first
// asked for: a supervisor, of which there is one for each running job, needs
// few of them. An expression that is none panics then.
func Pattern(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}
