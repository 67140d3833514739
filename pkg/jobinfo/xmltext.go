package jobinfo

import (
	"fmt"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/unicode"

	"qm/pkg/layout"
)

var declared = layout.Pattern(`^<\?xml[^>]*?\sencoding\s*=\s*["']([A-Za-z0-9._:-]+)["']`)

// xmlText returns the document as UTF-8 with LF line ends. A byte order mark
// decides, then the declaration, then the rule for all info files.
func (f *form) xmlText(data []byte) (string, bool) {
	if len(data) > MaxSize {
		f.refuse(tooLarge)
		return "", false
	}
	name, from := "UTF-8", encoding.Encoding(nil)
	switch {
	case hasPrefix(data, "\xff\xfe"), hasPrefix(data, "\xfe\xff"):
		name, from = "UTF-16", unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM)
	case hasPrefix(data, "\xef\xbb\xbf"):
		data = data[3:]
	default:
		if m := declared().FindSubmatch(data); m != nil {
			name = string(m[1])
		}
		if !strings.EqualFold(name, "UTF-8") && !strings.EqualFold(name, "UTF8") {
			from, _ = ianaindex.IANA.Encoding(name)
			if from == nil {
				f.refuse(Refusal{Line: 1, Problem: fmt.Sprintf("unknown encoding %q", shorten(name)), Remedy: `save it as UTF-8 and write encoding="UTF-8"`})
				return "", false
			}
		}
	}
	text, ok := f.convert(data, name, from)
	return universalNewlines(text), ok
}

// convert decodes data; from is nil for UTF-8.
func (f *form) convert(data []byte, name string, from encoding.Encoding) (string, bool) {
	if from == nil {
		return f.text(data)
	}
	decoded, err := from.NewDecoder().Bytes(data)
	text := string(decoded)
	if err != nil || strings.ContainsRune(text, '\uFFFD') || !strings.Contains(text, "<") {
		f.refuse(Refusal{Line: 1, Problem: fmt.Sprintf("its bytes are not %s", shorten(name)), Remedy: `save it as UTF-8 and write encoding="UTF-8"`})
		return "", false
	}
	if refused := refuseControls(text); refused != nil {
		f.refuse(*refused)
		return "", false
	}
	return text, true
}
