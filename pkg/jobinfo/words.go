package jobinfo

import (
	"errors"
	"strings"
)

// Words splits a line by blanks; '...', "..." and backslashes keep what is
// between or behind them in one word. The error is a quote that is not closed.
func Words(text string) ([]string, error) {
	return wordsOf(text, func(string) bool { return false })
}

// splitWords splits the options of an #SBATCH line as sbatch does: by blanks,
// with '...', "..." and backslashes, up to a # that begins a word.
func splitWords(text string) ([]string, error) {
	return wordsOf(text, func(rest string) bool { return rest[0] == '#' })
}

// wordsOf splits up to what ends tells of.
func wordsOf(text string, ends func(rest string) bool) ([]string, error) {
	var words []string
	for {
		text = strings.TrimLeft(text, " \t\r")
		if text == "" || ends(text) {
			return words, nil
		}
		word, rest, err := cutWord(text)
		if err != nil {
			return nil, err
		}
		words, text = append(words, word), rest
	}
}

func cutWord(text string) (word, rest string, err error) {
	var b strings.Builder
	quote := byte(0)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && quote != '\'' && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			b.WriteByte(c)
		case c == '\'' || c == '"':
			quote = c
		case c == ' ' || c == '\t':
			return b.String(), text[i:], nil
		default:
			b.WriteByte(c)
		}
	}
	if quote != 0 {
		return "", "", errors.New("a quote is not closed")
	}
	return b.String(), "", nil
}
