package terminal

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
)

// Line is a line of a log as a terminal would have left it.
type Line []Span

// Span is a part of a line in one style.
type Span struct {
	Class string // of the style sheet: "bold f1 b4"; empty: as all is
	Text  string // has no controls but the tab
}

// begun is an escape sequence that is not whole yet, at the end of what came.
var begun = regexp.MustCompile(`\x1b(\[[0-?]*[ -/]*|\][^\x07\x1b\n]*|[ -/]*)$`)

// Lines is Text with its colours (SGR, ECMA-48 section 8.3.117). A colour lasts
// until it is changed, also beyond the end of a line; all other sequences are
// dropped. The script of the page does the same with what comes later.
func Lines(data []byte, middle bool) []Line {
	if middle {
		if _, rest, ok := bytes.Cut(data, []byte("\n")); ok {
			data = rest
		}
	}
	text := begun.ReplaceAllString(strings.ToValidUTF8(string(data), "\ufffd"), "")
	text = strings.TrimSuffix(text, "\n")
	if text == "" {
		return nil
	}
	var lines []Line
	var s style
	for line := range strings.SplitSeq(text, "\n") {
		lines = append(lines, s.line(line))
	}
	return lines
}

// style is how a terminal writes at the moment.
type style struct {
	bold, dim, italic, underline, inverse bool
	fore, back                            int // from 1; 0: as all is
}

// line takes a line. What comes behind a \r writes over what is there.
func (s *style) line(text string) Line {
	var l Line
	over := false
	for text != "" {
		switch text[0] {
		case '\r':
			over, text = true, text[1:]
		case '\x1b':
			seq := escape.FindString(text)
			s.take(seq)
			text = text[max(len(seq), 1):]
		default:
			n := strings.IndexAny(text, "\r\x1b")
			if n < 0 {
				n = len(text)
			}
			if shown := strings.Map(printable, text[:n]); shown != "" {
				if over {
					l, over = nil, false
				}
				l = l.add(s.class(), shown)
			}
			text = text[n:]
		}
	}
	return l
}

func (l Line) add(class, text string) Line {
	if n := len(l); n > 0 && l[n-1].Class == class {
		l[n-1].Text += text
		return l
	}
	return append(l, Span{class, text})
}

// take changes the style as an escape sequence says, if it says that.
func (s *style) take(seq string) {
	args, ok := strings.CutPrefix(seq, "\x1b[")
	if !ok {
		return
	}
	if args, ok = strings.CutSuffix(args, "m"); !ok {
		return
	}
	var codes []int
	for part := range strings.SplitSeq(strings.ReplaceAll(args, ":", ";"), ";") {
		n, err := strconv.Atoi(part)
		if part != "" && (err != nil || n > 255) {
			return
		}
		codes = append(codes, n)
	}
	for len(codes) > 0 {
		codes = codes[s.set(codes):]
	}
}

// set takes the first of the codes, and as many behind it as belong to it.
func (s *style) set(codes []int) int {
	switch c := codes[0]; {
	case c == 0:
		*s = style{}
	case c == 1:
		s.bold = true
	case c == 2:
		s.dim = true
	case c == 3:
		s.italic = true
	case c == 4:
		s.underline = true
	case c == 7:
		s.inverse = true
	case c == 22:
		s.bold, s.dim = false, false
	case c == 23:
		s.italic = false
	case c == 24:
		s.underline = false
	case c == 27:
		s.inverse = false
	case c >= 30 && c <= 37:
		s.fore = c - 29
	case c == 39:
		s.fore = 0
	case c >= 40 && c <= 47:
		s.back = c - 39
	case c == 49:
		s.back = 0
	case c >= 90 && c <= 97:
		s.fore = c - 81
	case c >= 100 && c <= 107:
		s.back = c - 91
	case c == 38, c == 48:
		colour, used := extended(codes)
		if c == 38 {
			s.fore = colour
		} else {
			s.back = colour
		}
		return used
	}
	return 1
}

// extended reads 38;5;N and 38;2;R;G;B. The page has sixteen colours that are
// legible on its ground, so it returns the one that is nearest.
func extended(codes []int) (colour, used int) {
	switch {
	case len(codes) >= 3 && codes[1] == 5:
		n := codes[2]
		switch {
		case n < 16:
			return n + 1, 3
		case n < 232:
			n -= 16
			return nearest(n/36*51, n/6%6*51, n%6*51), 3
		default:
			grey := 8 + 10*(n-232)
			return nearest(grey, grey, grey), 3
		}
	case len(codes) >= 5 && codes[1] == 2:
		return nearest(codes[2], codes[3], codes[4]), 5
	}
	return 0, len(codes)
}

func nearest(r, g, b int) int {
	top := max(r, g, b)
	bit := func(v, weight int) int {
		if 2*v > top {
			return weight
		}
		return 0
	}
	c := bit(r, 1) + bit(g, 2) + bit(b, 4)
	switch {
	case top < 64:
		return 1
	case c == 7 && top < 160:
		return 9 // grey
	case top > 200:
		return c + 9
	}
	return c + 1
}

// class names the classes of the style sheet that show this style.
func (s *style) class() string {
	var words []string
	add := func(on bool, word string) {
		if on {
			words = append(words, word)
		}
	}
	fore, back := s.fore, s.back
	if s.inverse {
		fore, back = 0, s.fore
	}
	add(s.bold, "bold")
	add(s.dim, "dim")
	add(s.italic, "italic")
	add(s.underline, "under")
	add(s.inverse && back == 0, "inverse")
	add(fore > 0, "f"+strconv.Itoa(fore-1))
	add(back > 0, "b"+strconv.Itoa(back-1))
	return strings.Join(words, " ")
}
