package jobinfo

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxSize is the most bytes of an info file or a configuration that are read.
const MaxSize = 1 << 20

var tooLarge = Refusal{
	Problem: "over 1 MiB",
	Remedy:  "keep data in files of its own",
}

// decodeText returns the text of a file: UTF-8, else Latin-1, which is told
// as a warning. It refuses what no text file of a user holds: a byte order
// mark (ConfigParser stumbles over it, the kernel does not find #! behind
// it), control characters, more than MaxSize.
func decodeText(data []byte) (text, warning string, refused *Refusal) {
	switch {
	case len(data) > MaxSize:
		r := tooLarge
		return "", "", &r
	case hasPrefix(data, "\xef\xbb\xbf"):
		return "", "", &Refusal{Line: 1, Problem: "begins with a byte order mark (BOM)", Remedy: "save it as UTF-8 without BOM"}
	case hasPrefix(data, "\xff\xfe"), hasPrefix(data, "\xfe\xff"):
		return "", "", &Refusal{Line: 1, Problem: "is UTF-16", Remedy: "save it as UTF-8 without BOM"}
	}
	text, warning = utf8OrLatin1(data)
	return text, warning, refuseControls(text)
}

func hasPrefix(data []byte, prefix string) bool {
	return len(data) >= len(prefix) && string(data[:len(prefix)]) == prefix
}

func utf8OrLatin1(data []byte) (text, warning string) {
	if utf8.Valid(data) {
		return string(data), ""
	}
	var b strings.Builder
	line, told := 1, 0
	for rest := data; len(rest) > 0 && told == 0; {
		r, n := utf8.DecodeRune(rest)
		if r == utf8.RuneError && n == 1 {
			told = line
		}
		if r == '\n' {
			line++
		}
		rest = rest[n:]
	}
	for _, c := range data {
		b.WriteRune(rune(c))
	}
	return b.String(), fmt.Sprintf("not UTF-8 (first in line %d), read as Latin-1: save it as UTF-8", told)
}

// refuseControls refuses the first control character that is none of tab, CR
// and LF. Unicode's C1 controls are among them: in a file that was read as
// Latin-1 they are most often letters of Windows-1252.
func refuseControls(text string) *Refusal {
	for i, r := range text {
		if !unicode.IsControl(r) || r == '\t' || r == '\r' || r == '\n' {
			continue
		}
		refused := Refusal{
			Line:    1 + strings.Count(universalNewlines(text[:i]), "\n"),
			Problem: fmt.Sprintf("holds the control character U+%04X", r),
			Remedy:  "remove it",
		}
		if r >= 0x80 {
			refused.Remedy += ", or save the file as UTF-8 if it is a letter of another encoding"
		}
		return &refused
	}
	return nil
}

// universalNewlines returns the text with each CR LF and each lone CR as one
// LF, as Python opens files and as XML demands.
func universalNewlines(text string) string {
	return strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
}
