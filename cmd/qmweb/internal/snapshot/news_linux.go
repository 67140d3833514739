package snapshot

import (
	"bytes"
	"encoding/binary"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"qm/pkg/layout"
)

// told are the events that say that a name has to be looked at.
const told = unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_MOVED_FROM | unix.IN_DELETE | unix.IN_ATTRIB

// news are what the kernel tells of the four folders (inotify(7)), so that one of
// 100,000 jobs is not listed anew for each job that comes. It is asked when
// somebody looks, and wakes nobody.
type news struct {
	opened  bool
	fd      int // -1: the kernel tells nothing
	watches map[int32]layout.State
	folders [len(layout.States)]watched
}

// watched is what is told of a folder.
type watched struct {
	id    identity
	watch int32           // 0: nothing is told of it
	names map[string]bool // told since they were asked for
	lost  bool            // more happened than was told
}

// maxNews is how many names are kept until they are asked for: where more came, a
// listing is as good.
const maxNews = 10_000

func newNews() *news { return &news{watches: make(map[int32]layout.State)} }

// open opens it when it is needed first. It is closed with the scanner's end.
func (n *news) open() {
	if n.opened {
		return
	}
	n.opened = true
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil { // the user has too many of them
		n.fd = -1
		return
	}
	n.fd = fd
	runtime.AddCleanup(n, func(fd int) { _ = unix.Close(fd) }, fd)
}

// begin begins to be told of the folder that is open, and lies at path: of what
// comes after it has returned. Where others may change it from another machine,
// or where it is another one by now, nothing is told of it.
func (n *news) begin(st layout.State, dir *os.Root, path string, id identity) {
	if n.folders[st].id == id {
		return
	}
	n.open()
	n.end(st)
	n.folders[st].id = id // whatever comes of it: once is enough
	if n.fd < 0 || !isLocal(dir) {
		return
	}
	wd, err := unix.InotifyAddWatch(n.fd, path, told|unix.IN_ONLYDIR|unix.IN_DONT_FOLLOW|unix.IN_EXCL_UNLINK)
	if err != nil {
		return
	}
	watch := int32(wd)
	n.watches[watch], n.folders[st].watch = st, watch
	if info, err := os.Lstat(path); err != nil || factsOf(info).id != id {
		n.end(st)
	}
}

// end forgets what was told of a folder.
func (n *news) end(st layout.State) {
	if w := n.folders[st].watch; w != 0 {
		_, _ = unix.InotifyRmWatch(n.fd, uint32(w)) // it may have ended with its folder
		delete(n.watches, w)
	}
	n.folders[st] = watched{}
}

// since returns the names in a folder that may be others than when it was asked
// last; ok tells that these are all.
func (n *news) since(st layout.State, id identity) (names map[string]bool, ok bool) {
	if n.folders[st].watch == 0 || n.folders[st].id != id {
		return nil, false
	}
	n.take()
	f := &n.folders[st]
	names, ok = f.names, f.watch != 0 && !f.lost
	f.names, f.lost = nil, false
	return names, ok
}

// take takes what the kernel has to tell.
func (n *news) take() {
	buf := make([]byte, 64<<10)
	for {
		size, err := unix.Read(n.fd, buf)
		if err != nil || size <= 0 {
			return // nothing more, for now
		}
		n.parse(buf[:size])
	}
}

func (n *news) parse(buf []byte) {
	for len(buf) >= unix.SizeofInotifyEvent {
		watch, mask := int32(binary.NativeEndian.Uint32(buf)), binary.NativeEndian.Uint32(buf[4:])
		end := min(unix.SizeofInotifyEvent+int(binary.NativeEndian.Uint32(buf[12:])), len(buf))
		name, _, _ := bytes.Cut(buf[unix.SizeofInotifyEvent:end], []byte{0})
		buf = buf[end:]
		if mask&unix.IN_Q_OVERFLOW != 0 {
			for st := range n.folders {
				n.folders[st].lost = true
			}
		} else if st, known := n.watches[watch]; known {
			n.note(st, mask, string(name))
		}
	}
}

func (n *news) note(st layout.State, mask uint32, name string) {
	f := &n.folders[st]
	switch {
	case mask&unix.IN_IGNORED != 0: // the folder is gone
		delete(n.watches, f.watch)
		*f = watched{}
	case mask&told == 0 || name == "":
	case len(f.names) >= maxNews:
		f.lost = true
	default:
		if f.names == nil {
			f.names = make(map[string]bool)
		}
		f.names[name] = true
	}
}

// isLocal tells whether a folder lies on a file system that only this machine
// changes, as far as is known.
func isLocal(dir *os.Root) bool {
	d, err := dir.Open(".")
	if err != nil {
		return false
	}
	defer d.Close()
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(d.Fd()), &st); err != nil {
		return false
	}
	switch st.Type {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.F2FS_SUPER_MAGIC, unix.OVERLAYFS_SUPER_MAGIC, zfsMagic:
		return true
	}
	return false
}

// zfsMagic is that of OpenZFS, which is no part of the kernel's sources.
const zfsMagic = 0x2fc12fc1
