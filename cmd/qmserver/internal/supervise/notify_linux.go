package supervise

import (
	"bytes"
	"encoding/binary"
	"os"

	"golang.org/x/sys/unix"

	"qm/cmd/qmserver/internal/disk"
	"qm/pkg/layout"
)

// selfMask are the events that tell that the folder itself has been moved or
// removed; a removal that a working directory holds up shows as IN_ATTRIB.
const selfMask = unix.IN_MOVE_SELF | unix.IN_DELETE_SELF | unix.IN_ATTRIB | unix.IN_UNMOUNT | unix.IN_Q_OVERFLOW

// openNotifier opens a notifier without a watch; see inotify(7). One serves all
// jobs of a supervisor: to close one takes the kernel some 10 ms. It is nil
// where there are none left.
func openNotifier() *notifier {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil
	}
	n := &notifier{inotify: fd, events: make(chan struct{}, 1)}
	go n.read(os.NewFile(uintptr(fd), "inotify"))
	return n
}

// watch begins to tell when a STOP file may have come into the working
// directory, or when that was moved, until unwatch. False where the file system
// does not report what other machines change, or where no watch can be had.
func (n *notifier) watch() bool {
	if n == nil || !disk.TellsEvents(".") {
		return false
	}
	var err error
	n.watched, err = unix.InotifyAddWatch(n.inotify, ".", unix.IN_CREATE|unix.IN_MOVED_TO|selfMask)
	return err == nil
}

func (n *notifier) unwatch() {
	// It fails where the folder is gone, and its watch with it.
	_, _ = unix.InotifyRmWatch(n.inotify, uint32(n.watched))
}

func (n *notifier) read(f *os.File) {
	buf := make([]byte, 16*(unix.SizeofInotifyEvent+unix.NAME_MAX+1))
	for {
		got, err := f.Read(buf)
		if err != nil {
			return // closed
		}
		if concerns(buf[:got]) {
			select {
			case n.events <- struct{}{}:
			default: // one is waiting already
			}
		}
	}
}

// concerns tells whether one of the events is about a STOP file or the folder.
func concerns(events []byte) bool {
	for len(events) >= unix.SizeofInotifyEvent {
		mask := binary.NativeEndian.Uint32(events[4:])
		size := int(binary.NativeEndian.Uint32(events[12:]))
		end := min(unix.SizeofInotifyEvent+size, len(events))
		name, _, _ := bytes.Cut(events[unix.SizeofInotifyEvent:end], []byte{0})
		if mask&selfMask != 0 && len(name) == 0 || layout.IsControl(string(name), layout.Stop) {
			return true
		}
		events = events[end:]
	}
	return false
}
