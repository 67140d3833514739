package jobinfo

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"qm/pkg/layout"
)

// Refusal is why a file, or one value of it, was not accepted. As an error it
// reads
//
//	proc_config.cfg, line 3: nb_proc = "two": not a positive integer; write a number such as nb_proc = 2
type Refusal struct {
	File    string
	Line    int    // from 1; 0: no line of its own
	Key     string // as written; empty: the file itself is refused
	Value   string // as written; without meaning where Line is 0
	Problem string
	Remedy  string
}

// Error returns the refusal in words, in one line of bounded length.
func (r *Refusal) Error() string {
	var b strings.Builder
	b.WriteString(layout.Display(r.File))
	if r.Line > 0 {
		fmt.Fprintf(&b, ", line %d", r.Line)
	}
	if r.Key != "" {
		fmt.Fprintf(&b, ": %s", layout.Display(shorten(r.Key)))
		if r.Line > 0 {
			fmt.Fprintf(&b, " = %q", shorten(r.Value))
		}
	}
	fmt.Fprintf(&b, ": %s", r.Problem)
	if r.Remedy != "" {
		fmt.Fprintf(&b, "; %s", r.Remedy)
	}
	return b.String()
}

// Refusals are all faults of a file, in the order of their lines. errors.As
// finds the single ones.
type Refusals []*Refusal

// Error returns the refusals, one a line.
func (rs Refusals) Error() string {
	lines := make([]string, len(rs))
	for i, r := range rs {
		lines[i] = r.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the single refusals.
func (rs Refusals) Unwrap() []error {
	errs := make([]error, len(rs))
	for i, r := range rs {
		errs[i] = r
	}
	return errs
}

// err returns the refusals as an error: nil where there are none.
func (rs Refusals) err() error {
	if len(rs) == 0 {
		return nil
	}
	slices.SortStableFunc(rs, func(a, b *Refusal) int { return cmp.Compare(a.Line, b.Line) })
	return rs
}

// shorten cuts a text that would spoil a message by its length.
func shorten(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	end := most
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "..."
}
