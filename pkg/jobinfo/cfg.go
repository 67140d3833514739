package jobinfo

import (
	"errors"
	"fmt"
	"strings"
)

// section is the one section of a cfg file that is ours.
const section = "QMOptions"

// parseCFG reads an INI file.
func (f *form) parseCFG(data []byte) {
	file, err := ParseINI(f.info.File, data)
	f.info.Warnings = append(f.info.Warnings, file.Warnings...)
	if err != nil && !f.take(err) {
		return
	}
	s, ok := file.Section(section)
	if !ok {
		if err == nil {
			f.refuse(noSection(file.Sections()))
		}
		return
	}
	for _, k := range keys {
		f.get(s, k.name)
	}
	f.get(s, "e-mail")
	if err == nil {
		f.needScript()
	}
}

// take adds the faults that the INI reader found to the form's, and reports
// whether they were faults of the file, of which the rest can still be used.
func (f *form) take(err error) bool {
	var all Refusals
	var one *Refusal
	switch {
	case errors.As(err, &all):
		f.faults = append(f.faults, all...)
	case errors.As(err, &one):
		f.refuse(*one)
	default:
		f.refuse(Refusal{Problem: err.Error()})
		return false
	}
	return true
}

func (f *form) get(s *Section, name string) {
	value, ok, err := s.Get(name)
	if !ok {
		return
	}
	if err != nil {
		f.given[name] = value.Line
		f.take(err)
		return
	}
	f.set(setting{key: name, value: value.Text, line: value.Line})
}

func noSection(names []string) Refusal {
	r := Refusal{Problem: "no section [" + section + "]", Remedy: "put the line [" + section + "] above its keys"}
	for _, name := range names {
		if strings.EqualFold(strings.TrimSpace(name), section) {
			r.Remedy = fmt.Sprintf("write [%s] instead of [%s]", section, shorten(name))
		}
	}
	return r
}
