package jobinfo

import "strings"

// Bounds of a value's references. The depth is MAX_INTERPOLATION_DEPTH of
// Python's configparser.py; the count is ours, against values that grow
// tenfold at each of those steps.
const (
	maxDepth      = 10
	maxReferences = 1000
)

// interpolate replaces %% and %(key)s as Python's BasicInterpolation does.
// Our one difference: a % that Python refuses stands for itself.
func (s *Section) interpolate(raw string) (string, *Refusal) {
	e := expansion{section: s}
	if refused := e.add(raw, 1); refused != nil {
		return "", refused
	}
	return e.out.String(), nil
}

type expansion struct {
	section    *Section
	out        strings.Builder
	references int
}

func (e *expansion) add(text string, depth int) *Refusal {
	if depth > maxDepth {
		return &Refusal{Problem: "refers to itself, or through more than 10 other keys", Remedy: "write out what %(...)s stands for, or %% for a % sign"}
	}
	for {
		before, rest, found := strings.Cut(text, "%")
		e.out.WriteString(before)
		switch {
		case !found:
			return nil
		case strings.HasPrefix(rest, "%"):
			e.out.WriteByte('%')
			text = rest[1:]
		case strings.HasPrefix(rest, "("):
			after, refused := e.addReference(rest, depth)
			if refused != nil {
				return refused
			}
			text = after
		default:
			e.out.WriteByte('%')
			text = rest
		}
	}
}

// addReference replaces the reference at the start of text, whose % has been
// read, and returns what follows it. What is none, or leads to a key that
// does not exist, stands for itself.
func (e *expansion) addReference(text string, depth int) (after string, refused *Refusal) {
	if e.references++; e.references > maxReferences || e.out.Len() > MaxSize {
		return "", &Refusal{Problem: "has too many references", Remedy: "write out what %(...)s stands for"}
	}
	end := strings.IndexByte(text, ')')
	if end < len("(x") || !strings.HasPrefix(text[end:], ")s") {
		e.out.WriteByte('%')
		return text, nil
	}
	after = text[end+len(")s"):]
	name, ok := lowerKey(text[1:end])
	if !ok {
		return "", &Refusal{Problem: "the lower case of a key that it refers to is not certain", Remedy: "write the key in lower case"}
	}
	value, ok := e.section.lookup(name)
	switch {
	case !ok:
		e.out.WriteString("%" + text[:len(text)-len(after)])
		return after, nil
	case !strings.Contains(value.text, "%"):
		e.out.WriteString(value.text)
		return after, nil
	}
	return after, e.add(value.text, depth+1)
}
