package layout

import (
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// MaxName is the most bytes that a file name may have on the file systems we
// know (NAME_MAX of limits.h(0p)).
const MaxName = 255

// ID returns the name's bytes percent-encoded, as they stand in a URL and in
// our JSON files. It loses nothing; NameOfID is its inverse.
func ID(name string) string { return url.PathEscape(name) }

// NameOfID returns the name that ID encoded. An id that is no single path
// element (empty, dots, with a separator or NUL) is an error.
func NameOfID(id string) (string, error) {
	name, err := url.PathUnescape(id)
	if err != nil {
		return "", fmt.Errorf("decode id %q: %w", id, err)
	}
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
		return "", fmt.Errorf("decode id %q: not the name of a folder", id)
	}
	return name, nil
}

// Display returns the name for people to read: bytes that are not UTF-8 and
// characters that do not print (line breaks, direction overrides) are shown
// as Go escapes. It is not invertible; use ID where the name is meant exactly.
func Display(name string) string {
	if isPlain(name) {
		return name
	}
	var b strings.Builder
	for i := 0; i < len(name); {
		r, n := utf8.DecodeRuneInString(name[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, name[i])
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
		i += n
	}
	return b.String()
}

func isPlain(name string) bool {
	for _, r := range name {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

const stampFormat = "20060102-150405"

// OwnName returns the job's own name: the name without the stamp that it was
// given where its own was taken.
func OwnName(name string) string {
	rest := name
	if i := strings.LastIndexByte(rest, '-'); i >= 0 && isNumber(rest[i+1:]) && hasStamp(rest[:i]) {
		rest = rest[:i]
	}
	if !hasStamp(rest) {
		return name
	}
	return rest[:len(rest)-len("-"+stampFormat)]
}

// hasStamp tells whether a time stands behind a name that is not empty.
func hasStamp(name string) bool {
	at := len(name) - len("-"+stampFormat)
	if at < 1 || name[at] != '-' {
		return false
	}
	for i, c := range []byte(name[at+1:]) {
		if stampFormat[i] == '-' && c != '-' || stampFormat[i] != '-' && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// isNumber tells whether s is a number as StampedName writes it.
func isNumber(s string) bool {
	if s == "" || s[0] == '0' {
		return false
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// StampedName returns the try-th name (from 1) to give a job whose name is
// taken: its own name with the time behind it, from the second try on with a
// number too, the own name cut at a rune boundary so that all fits MaxName.
func StampedName(name string, at time.Time, try int) string {
	suffix := "-" + at.Format(stampFormat)
	if try > 1 {
		suffix += fmt.Sprintf("-%d", try)
	}
	own := OwnName(name)
	if room := MaxName - len(suffix); len(own) > room {
		// What is not UTF-8 has no boundaries to look for.
		for back := range utf8.UTFMax {
			if utf8.RuneStart(own[room-back]) {
				room -= back
				break
			}
		}
		own = own[:room]
	}
	return own + suffix
}
