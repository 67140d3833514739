package jobinfo

import (
	"fmt"
	"strings"

	"qm/pkg/layout"
)

// form is an Info that is being filled in from a file of any format.
type form struct {
	info   Info
	faults Refusals
	given  map[string]int // lines of the keys that were given, refused ones too
}

// setting is one value as the file gives it.
type setting struct {
	key   string // as written
	value string
	line  int
}

func newForm(name string) *form {
	return &form{
		info:  Info{File: name, Format: FormatOf(name), NbProc: 1},
		given: map[string]int{},
	}
}

func (f *form) refuse(r Refusal) {
	if len(f.faults) >= maxFaults {
		return
	}
	if r.File == "" {
		r.File = f.info.File
	}
	f.faults = append(f.faults, &r)
}

func (f *form) warn(format string, args ...any) {
	if len(f.info.Warnings) >= maxFaults {
		return
	}
	f.info.Warnings = append(f.info.Warnings, layout.Display(f.info.File)+fmt.Sprintf(format, args...))
}

// text returns the file's text, or tells why it is refused.
func (f *form) text(data []byte) (string, bool) {
	text, warning, refused := decodeText(data)
	if refused != nil {
		f.refuse(*refused)
		return "", false
	}
	if warning != "" {
		f.warn(": %s", warning)
	}
	return text, true
}

// keyOf returns the key that goes by this name, if it is one of ours.
func keyOf(name string) (*key, bool) {
	name = strings.ToLower(name)
	if name == "e-mail" {
		name = "e_mail"
	}
	for i := range keys {
		if keys[i].name == name {
			return &keys[i], true
		}
	}
	return nil, false
}

// set takes a setting. Keys that are not ours are the user's own: nothing
// happens. A key that was given before is refused, since either value could
// be the one that is meant.
func (f *form) set(s setting) {
	k, ok := keyOf(s.key)
	if !ok {
		return
	}
	if first, again := f.given[k.name]; again {
		f.reject(s, fmt.Sprintf("given twice (also in line %d)", first), "remove one of the two")
		return
	}
	f.given[k.name] = s.line
	if err := k.read(&f.info, s.value); err != nil {
		f.refuseValue(k, s, err, f.info.Format.example(k.name, k.example))
	}
}

// reject refuses a setting without looking at its value.
func (f *form) reject(s setting, problem, remedy string) {
	if k, ok := keyOf(s.key); ok {
		f.given[k.name] = s.line
	}
	f.refuse(Refusal{Line: s.line, Key: s.key, Value: s.value, Problem: problem, Remedy: remedy})
}

// refuseValue tells of a value that could not be read. A bad address is no
// reason not to run a job.
func (f *form) refuseValue(k *key, s setting, err error, example string) {
	r := Refusal{File: f.info.File, Line: s.line, Key: s.key, Value: s.value, Problem: err.Error(),
		Remedy: fmt.Sprintf("write %s such as %s", k.kind, example)}
	if k.name == "e_mail" {
		r.Problem += ", so no mail will be sent"
		f.info.Warnings = append(f.info.Warnings, r.Error())
		return
	}
	f.refuse(r)
}

// needScript refuses a file without the one key that is required.
func (f *form) needScript() {
	if _, given := f.given["script"]; given {
		return
	}
	f.refuse(Refusal{Key: "script", Problem: "missing: there is nothing to run",
		Remedy: "write the command line, such as " + f.info.Format.example("script", "sh run.sh")})
}
