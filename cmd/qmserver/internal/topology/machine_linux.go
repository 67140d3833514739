package topology

import (
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
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
// allow in all, rounded up, or 0 if they do not limit it: that of its own group
// and of all above it; see cpu.max in cgroup-v2.rst of Linux.
func (m *Machine) Quota() int {
	least := 0
	for _, g := range groups(m.root) {
		for dir := g.dir; ; dir = path.Dir(dir) {
			if n := g.quota(m.root, dir); n > 0 && (least == 0 || n < least) {
				least = n
			}
			if len(dir) <= len(g.top) {
				break
			}
		}
	}
	return least
}

// group is a control group of this process that may limit its time.
type group struct {
	v2       bool
	dir, top string // its folder, and that of the mounted hierarchy
}

// groups reads /proc/self/cgroup (cgroups(7)) and where it is mounted
// (proc_pid_mountinfo(5)).
func groups(root fs.FS) []group {
	own, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return nil
	}
	var all []group
	for line := range strings.Lines(string(own)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		v2 := fields[1] == ""
		if !v2 && !strings.Contains(","+fields[1]+",", ",cpu,") {
			continue
		}
		if top, mounted := mountOf(root, v2); top != "" {
			rel, below := strings.CutPrefix(fields[2], strings.TrimSuffix(mounted, "/"))
			if !below {
				rel = "" // seen from a container: its own is the top
			}
			all = append(all, group{v2, path.Join(top, rel), top})
		}
	}
	return all
}

// mountOf returns where the hierarchy is mounted, relative to /, and which
// folder of it.
func mountOf(root fs.FS, v2 bool) (top, mounted string) {
	mounts, err := fs.ReadFile(root, "proc/self/mountinfo")
	if err != nil {
		return "", ""
	}
	for line := range strings.Lines(string(mounts)) {
		front, back, _ := strings.Cut(line, " - ")
		f, b := strings.Fields(front), strings.Fields(back)
		if len(f) < 5 || len(b) < 3 {
			continue
		}
		if v2 && b[0] == "cgroup2" || !v2 && b[0] == "cgroup" && strings.Contains(","+b[2]+",", ",cpu,") {
			return strings.TrimPrefix(f[4], "/"), f[3]
		}
	}
	return "", ""
}

func (g group) quota(root fs.FS, dir string) int {
	if g.v2 {
		data, _ := fs.ReadFile(root, path.Join(dir, "cpu.max"))
		if f := strings.Fields(string(data)); len(f) == 2 {
			return share(f[0], f[1])
		}
		return 0
	}
	quota, _ := fs.ReadFile(root, path.Join(dir, "cpu.cfs_quota_us"))
	period, _ := fs.ReadFile(root, path.Join(dir, "cpu.cfs_period_us"))
	return share(strings.TrimSpace(string(quota)), strings.TrimSpace(string(period)))
}

// share rounds a quota of a period up to whole processors.
func share(quota, period string) int {
	q, err := strconv.ParseInt(quota, 10, 64)
	p, err2 := strconv.ParseInt(period, 10, 64)
	if err != nil || err2 != nil || q <= 0 || p <= 0 { // max, or -1
		return 0
	}
	return int((q + p - 1) / p)
}
