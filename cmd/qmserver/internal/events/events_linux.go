package events

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// entries are the events about what comes into a folder and leaves it.
	entries = unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_MOVED_FROM | unix.IN_DELETE
	// contents are those about the files in it.
	contents = unix.IN_CLOSE_WRITE | unix.IN_ATTRIB
	// self are those about the folder itself.
	self = unix.IN_MOVE_SELF | unix.IN_DELETE_SELF | unix.IN_UNMOUNT
)

// Open returns a watcher, or nil where there can be none; see inotify(7).
func Open() *Watcher {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil
	}
	f := os.NewFile(uintptr(fd), "inotify")
	w := &Watcher{fd: fd, events: make(chan []Event, 16), close: f.Close}
	go w.read(f)
	return w
}

// Close ends the watcher and closes C.
func (w *Watcher) Close() error {
	if w == nil {
		return nil
	}
	go func() { // who reads may wait to be heard
		for range w.events {
		}
	}()
	return w.close()
}

// Watch begins to tell what comes into the folder at path and leaves it, with
// inside also what happens to the files in it. It returns who the watch is in
// events; the same folder has the same. It follows no link. ErrNoMore says that
// no other folder could be watched either.
func (w *Watcher) Watch(path string, inside bool) (int, error) {
	if w == nil {
		return 0, errors.ErrUnsupported
	}
	mask := uint32(entries | self | unix.IN_ONLYDIR | unix.IN_DONT_FOLLOW | unix.IN_EXCL_UNLINK)
	if inside {
		mask = entries | contents | unix.IN_ONLYDIR | unix.IN_DONT_FOLLOW | unix.IN_EXCL_UNLINK
	}
	id, err := unix.InotifyAddWatch(w.fd, path, mask)
	switch err {
	case nil:
		return id, nil
	case unix.ENOSPC, unix.ENOMEM:
		err = ErrNoMore
	}
	return 0, &os.PathError{Op: "inotify_add_watch", Path: path, Err: err}
}

// Forget ends a watch.
func (w *Watcher) Forget(id int) {
	if w != nil {
		_, _ = unix.InotifyRmWatch(w.fd, uint32(id)) // it may have ended with its folder
	}
}

func (w *Watcher) read(f *os.File) {
	defer close(w.events)
	p := parser{}
	buf := make([]byte, 64<<10)
	for {
		n, err := f.Read(buf)
		if err != nil {
			return // closed
		}
		all := p.parse(buf[:n])
		for deadline := time.Now().Add(halfPatience); p.half && f.SetReadDeadline(deadline) == nil; {
			if n, err = f.Read(buf); err != nil {
				break // the other half is in a folder that is not watched, mostly
			}
			all = append(all, p.parse(buf[:n])...)
		}
		_ = f.SetReadDeadline(time.Time{})
		if len(all) > 0 {
			w.events <- all
		}
	}
}

// halfPatience is how long the second half of a rename may come after the
// first: the kernel tells of them one after the other.
const halfPatience = 2 * time.Millisecond

// parser knows renames within a folder by their two halves, which have the
// same cookie. What others do at that time may be told between them.
type parser struct {
	left [16]departure // the last halves that left
	next int
	half bool // the last of all events is such a half
}

// departure is the first half of a rename.
type departure struct {
	cookie uint32
	from   int // the watch of the folder
}

// within tells whether a second half belongs to a rename within the folder.
func (p *parser) within(cookie uint32, watch int) bool {
	return slices.Contains(p.left[:], departure{cookie, watch})
}

func (p *parser) parse(buf []byte) []Event {
	var all []Event
	for len(buf) >= unix.SizeofInotifyEvent {
		watch := int(int32(binary.NativeEndian.Uint32(buf)))
		mask, cookie := binary.NativeEndian.Uint32(buf[4:]), binary.NativeEndian.Uint32(buf[8:])
		end := min(unix.SizeofInotifyEvent+int(binary.NativeEndian.Uint32(buf[12:])), len(buf))
		name, _, _ := bytes.Cut(buf[unix.SizeofInotifyEvent:end], []byte{0})
		buf = buf[end:]
		p.half = mask&unix.IN_MOVED_FROM != 0
		kind, told := p.kind(mask, cookie, watch)
		if told {
			all = append(all, Event{kind, watch, string(name)})
		}
	}
	return all
}

func (p *parser) kind(mask, cookie uint32, watch int) (Kind, bool) {
	switch {
	case mask&unix.IN_Q_OVERFLOW != 0:
		return Overflow, true
	case mask&unix.IN_IGNORED != 0:
		return 0, false
	case mask&self != 0:
		return Gone, true
	case mask&unix.IN_MOVED_FROM != 0:
		p.left[p.next] = departure{cookie, watch}
		p.next = (p.next + 1) % len(p.left)
		return Left, true
	case mask&unix.IN_MOVED_TO != 0:
		if p.within(cookie, watch) {
			return Made, true
		}
		return Came, true
	case mask&unix.IN_CREATE != 0:
		return Made, true
	case mask&unix.IN_DELETE != 0:
		return Left, true
	}
	return Changed, true
}
