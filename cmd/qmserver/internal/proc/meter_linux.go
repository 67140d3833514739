package proc

import (
	"bytes"
	"encoding/binary"
	"os"
	"slices"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Measures tells whether a Meter can.
const Measures = true

// Meter measures memory through /proc. Used again and again it allocates
// nothing more. It is used by one goroutine.
type Meter struct {
	path []byte // of a process's folder
	text []byte // what was read last
	dirs []byte // entries of a folder
	pids []int
}

// Rough returns how many bytes of memory the descendants of this process have,
// files that they have mapped aside. What several of them share counts for each:
// it is never too low. It is false where nothing can be measured.
func (m *Meter) Rough() (used int64, ok bool) {
	return m.each(func(pid int) (int64, bool) { return m.resident(pid) })
}

// Exact is the same with each page counted once. The kernel looks at all pages
// for that, some 4 ms a gigabyte. Of processes that we may not look into it
// takes what Rough does.
func (m *Meter) Exact() (used int64, ok bool) {
	return m.each(func(pid int) (int64, bool) {
		m.enter(pid)
		if m.read("/smaps_rollup") {
			anon, ok := m.value("\nPss_Anon:")
			shm, ok2 := m.value("\nPss_Shmem:")
			if ok && ok2 {
				return (anon + shm) << 10, true
			}
		}
		return m.resident(pid)
	})
}

// resident reads proc_pid_status(5). What has ended has nothing.
func (m *Meter) resident(pid int) (int64, bool) {
	m.enter(pid)
	if !m.read("/status") {
		return 0, false
	}
	anon, ok := m.value("\nRssAnon:")
	shm, _ := m.value("\nRssShmem:")
	return (anon + shm) << 10, ok
}

// Killed returns how many processes of this machine the kernel has killed for
// lack of memory; see oom_kill in proc_vmstat(5).
func (m *Meter) Killed() int64 {
	m.path = append(m.path[:0], "/proc"...)
	m.read("/vmstat")
	n, _ := m.value("\noom_kill ")
	return n
}

// each adds up over the descendants.
func (m *Meter) each(of func(pid int) (int64, bool)) (sum int64, ok bool) {
	m.pids = m.pids[:0]
	m.addChildren(os.Getpid())
	for i := 0; i < len(m.pids); i++ {
		m.addChildren(m.pids[i])
		n, known := of(m.pids[i])
		sum, ok = sum+n, ok || known
	}
	return sum, ok
}

// addChildren adds those of each thread: see proc_tid_children(5).
func (m *Meter) addChildren(pid int) {
	m.enter(pid)
	fd, ok := m.open("/task")
	if !ok {
		return
	}
	defer unix.Close(fd)
	if m.dirs == nil {
		m.dirs = make([]byte, 4096)
	}
	for {
		n, err := unix.Getdents(fd, m.dirs)
		if err != nil || n <= 0 {
			return
		}
		// linux_dirent64 of getdents(2): size at 16, name from 19.
		for rest := m.dirs[:n]; len(rest) > 19; rest = rest[binary.NativeEndian.Uint16(rest[16:]):] {
			if tid, ok := number(rest[19:]); ok {
				m.enter(pid)
				m.path = strconv.AppendInt(append(m.path, "/task/"...), tid, 10)
				m.addListed()
			}
		}
	}
}

func (m *Meter) addListed() {
	if !m.read("/children") {
		return
	}
	for list := m.text; ; {
		child, ok := number(list)
		if !ok {
			return
		}
		m.pids = append(m.pids, int(child))
		list = list[bytes.IndexByte(list, ' ')+1:]
	}
}

// enter makes path that of a process's folder.
func (m *Meter) enter(pid int) {
	m.path = strconv.AppendInt(append(m.path[:0], "/proc/"...), int64(pid), 10)
}

// open opens what lies in the folder. unix.Open would make a string of the path.
func (m *Meter) open(name string) (fd int, ok bool) {
	path := append(append(m.path, name...), 0)
	m.path = path[:len(m.path)]
	got, _, errno := unix.Syscall6(unix.SYS_OPENAT, 0, uintptr(unsafe.Pointer(&path[0])), unix.O_RDONLY|unix.O_CLOEXEC, 0, 0, 0)
	return int(got), errno == 0
}

// read reads what lies in the folder.
func (m *Meter) read(name string) bool {
	m.text = m.text[:0]
	fd, ok := m.open(name)
	if !ok {
		return false
	}
	defer unix.Close(fd)
	for {
		m.text = slices.Grow(m.text, 1024)
		n, err := unix.Read(fd, m.text[len(m.text):cap(m.text)])
		if err != nil || n <= 0 {
			return err == nil
		}
		m.text = m.text[:len(m.text)+n]
	}
}

// value returns the number behind the key in what was read.
func (m *Meter) value(key string) (int64, bool) {
	at := bytes.Index(m.text, []byte(key))
	if at < 0 {
		return 0, false
	}
	return number(bytes.TrimLeft(m.text[at+len(key):], " \t"))
}

// number reads the digits at the beginning.
func number(text []byte) (n int64, ok bool) {
	for _, c := range text {
		if c < '0' || c > '9' {
			break
		}
		n, ok = n*10+int64(c-'0'), true
	}
	return n, ok
}
