package check

import "strings"

// word is one of a command line.
type word struct {
	text    string // as the shell would pass it on
	command int    // in which of the commands of the line it stands, from 0
	at      int    // at which place in that, from 0: the program
}

// builtins are what a shell knows itself.
var builtins = wordSet(". : [ alias bg break cd command continue eval exec exit export false fg getopts hash jobs kill let local popd printf pushd pwd " +
	"read readonly return set shift source test times trap true type typeset ulimit umask unalias unset wait echo declare for case select function esac in")

// openers are words behind which a command begins.
var openers = wordSet("if then else elif while until do ! { } time fi done")

func wordSet(words string) map[string]bool {
	set := make(map[string]bool)
	for word := range strings.FieldsSeq(words) {
		set[word] = true
	}
	return set
}

// words splits a command line as a shell does, as far as that is plain. Words
// that the shell makes something else of, such as $HOME or *.dat, and where
// output goes to, are left out. It ends at a cd: from there on names have another
// meaning.
func words(line string) []word {
	var s splitter
	for _, c := range line + "\n" {
		if s.take(c); s.over {
			break
		}
	}
	return s.words
}

type splitter struct {
	words   []word
	command int
	at      int
	text    strings.Builder
	begun   bool // a word has
	unclear bool // the shell makes something else of the word
	target  bool // the word is a file of a redirection
	quote   rune
	escaped bool
	comment bool
	over    bool
}

func (s *splitter) take(c rune) {
	switch {
	case s.comment && c != '\n':
	case s.escaped:
		s.escaped = false
		s.add(c)
	case c == '\\' && s.quote != '\'':
		s.escaped = true
	case s.quote != 0 && c == s.quote:
		s.quote = 0
	case s.quote != 0:
		s.unclear = s.unclear || s.quote == '"' && strings.ContainsRune("$`", c)
		s.add(c)
	case c == '\'' || c == '"':
		s.quote, s.begun = c, true
	default:
		s.plain(c)
	}
}

func (s *splitter) add(c rune) {
	s.begun = true
	s.text.WriteRune(c)
}

// plain takes a character outside of quotes.
func (s *splitter) plain(c rune) {
	switch {
	case c == '#' && !s.begun:
		s.comment = true
	case strings.ContainsRune(" \t\r\n;&|()<>", c):
		s.endWord(c)
		if strings.ContainsRune("\n;&|()", c) && !s.target && s.at > 0 {
			s.command++
			s.at = 0
		}
		s.target = strings.ContainsRune("<>", c) || s.target && (c == ' ' || c == '&')
		s.comment = false
	default:
		s.unclear = s.unclear || strings.ContainsRune("$`*?~", c) || s.begun && strings.ContainsRune("[{", c)
		s.add(c)
	}
}

// endWord takes the word that ends before this character.
func (s *splitter) endWord(next rune) {
	if !s.begun {
		return
	}
	w := word{text: s.text.String(), command: s.command, at: s.at}
	unclear, target := s.unclear, s.target || strings.ContainsRune("<>", next) && strings.Trim(w.text, "0123456789") == ""
	s.text.Reset()
	s.begun, s.unclear, s.target = false, false, false
	switch {
	case target:
	case s.at == 0 && (openers[w.text] || isAssignment(w.text)):
	case s.at == 0 && (w.text == "cd" || w.text == "pushd"):
		s.over = true
	default:
		s.at++
		if !unclear {
			s.words = append(s.words, w)
		}
	}
}

// isAssignment tells whether a word is NAME=value.
func isAssignment(text string) bool {
	name, _, found := strings.Cut(text, "=")
	return found && name != "" && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == ""
}
