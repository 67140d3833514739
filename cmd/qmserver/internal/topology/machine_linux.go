package topology

import (
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"qm/cmd/qmserver/internal/cgroup"
)

// mostCPUs is how many a unix.CPUSet holds.
const mostCPUs = 1024

// Allowed returns the processors that this process may use, as it is now: what
// the caller's and the operator's affinity, cpusets and unplugging have left. It
// is empty where that can't be told. What counts is the first thread: that is what
// taskset(1) changes of a process, and the others may still have what they were
// started with.
func (m *Machine) Allowed() []CPU {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(os.Getpid(), &set); err != nil {
		return nil
	}
	var all []CPU
	for id := range mostCPUs {
		if !set.IsSet(id) {
			continue
		}
		cpu, known := m.known[id]
		if !known {
			cpu = readCPU(m.root, id)
			m.known[id] = cpu
		}
		all = append(all, cpu)
	}
	return all
}

// readCPU reads where a processor belongs; see
// Documentation/admin-guide/cputopology.rst of Linux. What is not told there is
// a core of its own in node 0.
func readCPU(root fs.FS, id int) CPU {
	dir := "sys/devices/system/cpu/cpu" + strconv.Itoa(id)
	cpu := CPU{ID: id, Core: id}
	for _, name := range []string{"core_cpus_list", "thread_siblings_list"} {
		if first, ok := firstOf(root, path.Join(dir, "topology", name)); ok {
			cpu.Core = first
			break
		}
	}
	nodes, _ := fs.Glob(root, dir+"/node[0-9]*")
	for _, n := range nodes {
		if number, err := strconv.Atoi(strings.TrimPrefix(path.Base(n), "node")); err == nil {
			cpu.Node = number
		}
	}
	return cpu
}

// firstOf returns the first number of a list such as 0-1,8.
func firstOf(root fs.FS, name string) (int, bool) {
	data, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	end := strings.IndexFunc(string(data), func(r rune) bool { return r < '0' || r > '9' })
	n, err := strconv.Atoi(string(data[:max(end, 0)]))
	return n, err == nil
}

// Memory returns how much the machine has, in bytes, or 0 if that can't be told.
func (m *Machine) Memory() int64 {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 0
	}
	return int64(info.Totalram) * int64(info.Unit)
}

// Load returns how many processes of the machine wanted to run, on average over
// the last minute; see sysinfo(2). False: it can't be told.
func (m *Machine) Load() (float64, bool) {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 0, false
	}
	return float64(info.Loads[0]) / (1 << unix.SI_LOAD_SHIFT), true
}

// NewMachine returns this machine.
func NewMachine() *Machine { return &Machine{root: os.DirFS("/"), known: make(map[int]CPU)} }

// Quota returns how many processors' time the control groups of this process
// allow, or 0; see cgroup.Quota.
func (m *Machine) Quota() int { return cgroup.Quota(m.root) }
