package cgroup

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// Quota returns how many processors' time the control groups of this process
// allow in all, rounded up, or 0 if they do not limit it: that of its own group
// and of all above it; see cpu.max in cgroup-v2.rst of Linux. The root is /.
func Quota(root fs.FS) int {
	least := 0
	for _, g := range own(root) {
		for dir := g.dir; ; dir = path.Dir(dir) {
			if n := g.quota(root, dir); n > 0 && (least == 0 || n < least) {
				least = n
			}
			if len(dir) <= len(g.top) {
				break
			}
		}
	}
	return least
}

// group is a control group of this process that may limit its time, or one of
// version 2.
type group struct {
	v2       bool
	dir, top string // its folder, and that of the mounted hierarchy
}

// own reads /proc/self/cgroup (cgroups(7)) and where it is mounted
// (proc_pid_mountinfo(5)).
func own(root fs.FS) []group {
	lines, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return nil
	}
	var all []group
	for line := range strings.Lines(string(lines)) {
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
