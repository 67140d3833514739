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

// notify tells when a STOP file may have come into the working directory, or
// when that was moved; see inotify(7). It is nil where the file system does
// not report what other machines change, or where there are no watches left.
func notify() *notifier {
	if !disk.TellsEvents(".") {
		return nil
	}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil
	}
	f := os.NewFile(uintptr(fd), "inotify")
	if _, err := unix.InotifyAddWatch(fd, ".", unix.IN_CREATE|unix.IN_MOVED_TO|selfMask); err != nil {
		_ = f.Close()
		return nil
	}
	n := &notifier{events: make(chan struct{}, 1), stop: f.Close}
	go n.read(f)
	return n
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
