package jobinfo

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/ini.v1"

	"qm/pkg/layout"
)

// INI is a file in the syntax that Python's configparser.ConfigParser reads as
// it comes: strict, `=` or `:` between key and value, whole-line comments,
// values that go on in indented lines, a DEFAULT section, %(key)s.
type INI struct {
	Warnings []string // such as a wrong encoding, in words
	sections map[string]*Section
	names    []string
}

// Section is one section of an INI file.
type Section struct {
	Name     string // as written: names are case-sensitive
	Line     int    // of its first header
	file     string
	keys     []Key
	raw      map[string]rawValue
	defaults *Section // DEFAULT; nil in DEFAULT itself and where there is none
}

// Key is a key's place.
type Key struct {
	Name string // in lower case, as it is looked up
	Line int
}

// Value is a value and the line where its key stands.
type Value struct {
	Text string
	Line int
}

// rawValue is a value before its references are replaced, with the line
// breaks that Python keeps.
type rawValue struct {
	text string
	line int
}

// ParseINI reads a file; file is its name for messages. What ConfigParser
// refuses is refused, and so are control characters and files of over MaxSize
// bytes or maxKeys keys. The error is Refusals, all faults at once; the INI
// then holds what could be read, and is never nil.
func ParseINI(file string, data []byte) (*INI, error) {
	f := &INI{sections: map[string]*Section{}}
	text, warning, refused := decodeText(data)
	if refused != nil {
		refused.File = file
		return f, Refusals{refused}
	}
	if warning != "" {
		f.Warnings = append(f.Warnings, layout.Display(file)+": "+warning)
	}
	lines := iniLines{file: file, byName: map[string]*iniSection{}}
	lines.read(universalNewlines(text))
	if err := f.load(file, lines.canonical()); err != nil {
		return f, fmt.Errorf("read %s: %w", layout.Display(file), err)
	}
	return f, lines.faults.err()
}

// load lets ini.v1 read the canonical text; see iniLines.canonical. Its Value,
// unlike its String, leaves % alone.
func (f *INI) load(file, canonical string) error {
	parsed, err := ini.Load([]byte(canonical))
	if err != nil {
		return err
	}
	for _, section := range parsed.Sections() {
		if section.Name() == ini.DefaultSection { // ini.v1's own; ours have a line number before the name
			continue
		}
		if err := f.addSection(file, section); err != nil {
			return err
		}
	}
	for _, section := range f.sections {
		if section.Name != defaultSection {
			section.defaults = f.sections[defaultSection]
		}
	}
	return nil
}

func (f *INI) addSection(file string, from *ini.Section) error {
	line, name, err := unmark(from.Name())
	if err != nil {
		return err
	}
	s := &Section{Name: name, Line: line, file: file, raw: map[string]rawValue{}}
	for _, key := range from.Keys() {
		line, name, err := unmark(key.Name())
		if err != nil {
			return err
		}
		s.keys = append(s.keys, Key{Name: name, Line: line})
		s.raw[name] = rawValue{text: strings.ReplaceAll(key.Value(), lineBreak, "\n"), line: line}
	}
	f.sections[name] = s
	f.names = append(f.names, name)
	return nil
}

// mark writes a name of any characters, with its line, as one that ini.v1
// can't take for anything else; unmark is its inverse.
func mark(line int, name string) string {
	return strconv.Itoa(line) + "." + url.QueryEscape(name)
}

func unmark(marked string) (line int, name string, err error) {
	number, escaped, _ := strings.Cut(marked, ".")
	if line, err = strconv.Atoi(number); err != nil {
		return 0, "", err
	}
	name, err = url.QueryUnescape(escaped)
	return line, name, err
}

// Section returns the section with this name, in the case in which it stands
// in the file.
func (f *INI) Section(name string) (*Section, bool) {
	s, ok := f.sections[name]
	return s, ok
}

// Sections returns the names of all sections in the file's order.
func (f *INI) Sections() []string { return slices.Clone(f.names) }

// Keys returns the section's own keys in the file's order; those of DEFAULT
// are not among them.
func (s *Section) Keys() []Key { return slices.Clone(s.keys) }

// Get returns the value of a key, in any case, from the section or else from
// DEFAULT, with its references replaced. Lines of the value are joined by one
// blank; empty ones vanish. The error is a *Refusal: references that lead to
// themselves, or too far.
func (s *Section) Get(key string) (Value, bool, error) {
	name, ok := lowerKey(key)
	if !ok {
		return Value{}, false, nil
	}
	raw, ok := s.lookup(name)
	if !ok {
		return Value{}, false, nil
	}
	text, refused := s.interpolate(raw.text)
	if refused != nil {
		refused.File, refused.Line, refused.Key, refused.Value = s.file, raw.line, name, oneLine(raw.text)
		return Value{Text: refused.Value, Line: raw.line}, true, refused
	}
	return Value{Text: oneLine(text), Line: raw.line}, true, nil
}

func (s *Section) lookup(name string) (rawValue, bool) {
	if raw, ok := s.raw[name]; ok {
		return raw, true
	}
	if s.defaults == nil {
		return rawValue{}, false
	}
	raw, ok := s.defaults.raw[name]
	return raw, ok
}

func oneLine(text string) string {
	lines := strings.Split(text, "\n")
	lines = slices.DeleteFunc(lines, func(line string) bool { return line == "" })
	return strings.Join(lines, " ")
}
