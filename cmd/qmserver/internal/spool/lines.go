package spool

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"qm/cmd/qmserver/internal/disk"
	"qm/pkg/layout"
)

// lines is a file of the server's own to which lines are added. It outlives the
// server, but a power cut may take the last of it: it is not synced.
type lines struct {
	root *os.Root
	name string
	log  *slog.Logger
	text bytes.Buffer // what is not written yet
	rows int          // how many lines there are in all
	mute bool         // it could not be written the last time
}

// read tells each of the lines that are there.
func (l *lines) read(each func(line string)) {
	f, _, err := layout.OpenFile(l.root, l.name)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		defer f.Close()
		text := bufio.NewScanner(f)
		for text.Scan() {
			l.rows++
			each(text.Text())
		}
		err = text.Err()
	}
	if err != nil {
		l.log.Warn("file of the server's own can't be read", "file", l.name, "error", err)
	}
}

// add adds a line, which flush writes.
func (l *lines) add(format string, args ...any) {
	fmt.Fprintf(&l.text, format+"\n", args...)
	l.rows++
}

// begin forgets all lines; those added until replace take their place.
func (l *lines) begin() {
	l.text.Reset()
	l.rows = 0
}

// replace writes the file whole, with the lines added since begin.
func (l *lines) replace() {
	l.tell(disk.Replace(l.root, l.name, l.text.Bytes(), 0o600, disk.Volatile))
	l.text.Reset()
}

// flush writes what was added.
func (l *lines) flush() {
	if l.text.Len() == 0 {
		return
	}
	f, err := l.root.OpenFile(l.name, os.O_WRONLY|os.O_CREATE|os.O_APPEND|layout.NonBlock, 0o600)
	if err == nil {
		_, err = f.Write(l.text.Bytes())
		err = errors.Join(err, f.Close())
	}
	l.tell(err)
	l.text.Reset()
}

func (l *lines) tell(err error) {
	if err != nil && !l.mute {
		l.log.Warn("file of the server's own can't be written", "file", l.name, "error", err)
	}
	l.mute = err != nil
}
