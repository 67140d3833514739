package cgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Delegated returns the groups that were given to this server, or nil. Given is
// the parent of a group named Leaf. Of a scope of systemd --user that a user
// starts this program in, it takes what it may: the program goes into a Leaf of
// its own. A service's group is left alone: no process can be put into a group
// that has shared out its memory, so that service could not be started again
// while a job of it lives.
func Delegated() *Groups {
	root := os.DirFS("/")
	for _, g := range own(root) {
		if !g.v2 {
			continue
		}
		dir := "/" + g.dir
		switch {
		case filepath.Base(dir) == Leaf:
			return tryOut(filepath.Dir(dir))
		case strings.HasSuffix(dir, ".scope") && os.Geteuid() != 0 && enter(dir):
			return tryOut(dir)
		}
	}
	return nil
}

// enter makes a Leaf below the group, for this process.
func enter(dir string) bool {
	leaf := filepath.Join(dir, Leaf)
	err := os.Mkdir(leaf, 0o755)
	if err == nil || errors.Is(err, os.ErrExist) {
		err = put(leaf, "cgroup.procs", strconv.Itoa(os.Getpid()))
	}
	if err != nil {
		_ = os.Remove(leaf)
	}
	return err == nil
}

// tryOut tells what can be had of the group.
func tryOut(dir string) *Groups {
	g := &Groups{dir: dir}
	g.memory = put(dir, "cgroup.subtree_control", "+memory") == nil
	name := fmt.Sprint("probe-", os.Getpid())
	probe, err := g.Make(name, os.Getuid())
	if err != nil {
		return nil
	}
	probe.Close()
	g.Remove(name)
	return g
}

// Make makes the group of a run of the user's. It is open until Close.
func (g *Groups) Make(run string, uid int) (*Group, error) {
	if g == nil {
		return nil, nil
	}
	dir := g.path(run)
	home := filepath.Join(dir, "supervisor")
	err := os.Mkdir(dir, 0o755)
	if err == nil && g.memory {
		err = put(dir, "cgroup.subtree_control", "+memory")
	}
	if err == nil {
		err = os.Mkdir(home, 0o755)
	}
	if err == nil && uid != os.Getuid() {
		err = give(uid, dir, home)
	}
	var f *os.File
	if err == nil {
		f, err = os.Open(home)
	}
	if err != nil {
		g.Remove(run)
		return nil, fmt.Errorf("make control group: %w", err)
	}
	return &Group{dir, f}, nil
}

// give lets the user make groups below dir, and move what is in one to another.
func give(uid int, dir, home string) error {
	for _, path := range []string{dir, filepath.Join(dir, "cgroup.procs"), filepath.Join(home, "cgroup.procs")} {
		if err := os.Chown(path, uid, -1); err != nil {
			return err
		}
	}
	return nil
}

// PathFor returns below which group a supervisor can limit the memory of its job,
// or "".
func (g *Groups) PathFor(run string) string {
	if g == nil || !g.memory {
		return ""
	}
	return g.path(run)
}

func (g *Groups) path(run string) string { return filepath.Join(g.dir, prefix+run) }

// Remove removes the group of a run that nothing is left of.
func (g *Groups) Remove(run string) {
	if g == nil {
		return
	}
	inner, _ := filepath.Glob(filepath.Join(g.path(run), "*", "."))
	for _, dir := range append(inner, g.path(run)) {
		_ = os.Remove(filepath.Clean(dir))
	}
}

// Processes returns what is in the group of a run, and below it.
func (g *Groups) Processes(run string) []int {
	if g == nil {
		return nil
	}
	var all []int
	_ = filepath.WalkDir(g.path(run), func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			data, _ := os.ReadFile(filepath.Join(path, "cgroup.procs"))
			for f := range strings.FieldsSeq(string(data)) {
				if pid, err := strconv.Atoi(f); err == nil && pid > 0 {
					all = append(all, pid)
				}
			}
		}
		return nil
	})
	slices.Sort(all)
	return slices.Compact(all)
}

// Put puts what is started with these attributes into the group, by clone3(2).
func (g *Group) Put(sys *syscall.SysProcAttr) {
	if g != nil {
		sys.UseCgroupFD, sys.CgroupFD = true, int(g.home.Fd())
	}
}

// Close keeps the group.
func (g *Group) Close() {
	if g != nil {
		_ = g.home.Close()
	}
}

func put(dir, name, value string) error {
	return os.WriteFile(filepath.Join(dir, name), []byte(value), 0)
}
