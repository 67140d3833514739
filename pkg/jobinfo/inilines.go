package jobinfo

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	defaultSection = "DEFAULT"

	// maxKeys bounds keys and sections together: ini.v1 compares each with
	// all before it.
	maxKeys = 4096

	// maxFaults is where reading on serves nobody.
	maxFaults = 100

	// lineBreak stands in the canonical text for a line break in a value. No
	// value holds it: control characters are refused.
	lineBreak = "\x1e"
)

// iniLines sorts the lines of a file into sections, keys and values by the
// rules of RawConfigParser._read in Python 3's configparser.py.
type iniLines struct {
	file     string
	sections []*iniSection
	byName   map[string]*iniSection
	faults   Refusals
	count    int // of keys and sections

	section *iniSection // that lines now belong to; nil before the first header
	key     *iniKey     // that an indented line continues; nil behind a header
	indent  int         // of the last line that continued nothing
}

type iniSection struct {
	name string
	line int
	keys []*iniKey
	seen map[string]int // the keys' lines
}

type iniKey struct {
	name  string
	line  int
	lines []string // of the value
}

func (l *iniLines) read(text string) {
	for i, line := range strings.Split(text, "\n") {
		l.readLine(i+1, line)
		switch {
		case l.count > maxKeys:
			l.refuse(Refusal{Line: i + 1, Problem: fmt.Sprintf("more than %d keys and sections", maxKeys), Remedy: "keep data in files of its own"})
			return
		case len(l.faults) >= maxFaults:
			return
		}
	}
}

func (l *iniLines) readLine(number int, line string) {
	text := strings.TrimSpace(line)
	switch {
	case text == "" || text[0] == '#' || text[0] == ';': // nothing, also within a value
	case l.key != nil && indentation(line) > l.indent:
		l.key.lines = append(l.key.lines, text)
	default:
		l.indent = indentation(line)
		if name, ok := header(text); ok {
			l.beginSection(number, name)
		} else {
			l.beginKey(number, text)
		}
	}
}

// indentation counts characters, as Python does, whatever their width.
func indentation(line string) int {
	return utf8.RuneCountInString(line) - utf8.RuneCountInString(strings.TrimLeftFunc(line, unicode.IsSpace))
}

// header returns the name between the first and the last bracket. What stands
// behind the last one is ignored.
func header(text string) (string, bool) {
	end := strings.LastIndexByte(text, ']')
	if text[0] != '[' || end < len("[x") {
		return "", false
	}
	return text[1:end], true
}

func (l *iniLines) beginSection(number int, name string) {
	l.key = nil
	if s, again := l.byName[name]; again {
		if name != defaultSection { // which alone may come again
			l.refuse(Refusal{Line: number, Problem: fmt.Sprintf("section [%s] stands twice (also in line %d)", shorten(name), s.line), Remedy: "put its keys together"})
		}
		l.section = s
		return
	}
	l.count++
	l.section = &iniSection{name: name, line: number, seen: map[string]int{}}
	l.sections = append(l.sections, l.section)
	l.byName[name] = l.section
}

func (l *iniLines) beginKey(number int, text string) {
	if l.section == nil {
		if len(l.faults) == 0 { // the lines below it would say the same
			l.refuse(Refusal{Line: number, Problem: fmt.Sprintf("%q stands before any section", shorten(text)), Remedy: "put a line with the section's name above it, such as [QMOptions]"})
		}
		return
	}
	end := strings.IndexAny(text, "=:")
	if end <= 0 {
		l.refuse(Refusal{Line: number, Problem: fmt.Sprintf("%q is no key with a value", shorten(text)), Remedy: "write key = value, indent it if it continues the line above, or put # before it"})
		return
	}
	value := strings.TrimSpace(text[end+1:])
	written := strings.TrimSpace(text[:end])
	name, ok := lowerKey(written)
	if !ok {
		l.refuse(Refusal{Line: number, Key: written, Value: value, Problem: "the lower case of this key is not certain", Remedy: "write the key in lower case"})
		return
	}
	l.key = &iniKey{name: name, line: number, lines: []string{value}}
	if first, again := l.section.seen[name]; again {
		l.refuse(Refusal{Line: number, Key: name, Value: value, Problem: fmt.Sprintf("given twice (also in line %d)", first), Remedy: "remove one of the two"})
		return
	}
	l.count++
	l.section.seen[name] = number
	l.section.keys = append(l.section.keys, l.key)
}

// lowerKey returns the key as it is looked up. It is not ok where Python's
// lower-casing depends on the neighbours (capital sigma) or gives two
// characters for one (I with dot above): Go's would give another key.
func lowerKey(key string) (string, bool) {
	return strings.ToLower(key), !strings.ContainsAny(key, "Σİ")
}

func (l *iniLines) refuse(r Refusal) {
	r.File = l.file
	l.faults = append(l.faults, &r)
}

// canonical returns what was read as a text that leaves ini.v1 nothing to
// decide: names behind their line number and without special characters, each
// value in one line between backquotes, of which ini.v1 seeks the last one.
func (l *iniLines) canonical() string {
	var b strings.Builder
	for _, s := range l.sections {
		fmt.Fprintf(&b, "[%s]\n", mark(s.line, s.name))
		for _, k := range s.keys {
			fmt.Fprintf(&b, "%s=`%s`\n", mark(k.line, k.name), strings.Join(k.lines, lineBreak))
		}
	}
	return b.String()
}
