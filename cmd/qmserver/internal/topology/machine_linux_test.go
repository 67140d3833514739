package topology

import (
	"os"
	"runtime"
	"testing"
	"testing/fstest"

	"golang.org/x/sys/unix"
)

func files(texts map[string]string) fstest.MapFS {
	root := make(fstest.MapFS)
	for name, text := range texts {
		root[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return root
}

func TestReadCPU(t *testing.T) {
	root := files(map[string]string{
		"sys/devices/system/cpu/cpu9/topology/core_cpus_list":       "1,9\n",
		"sys/devices/system/cpu/cpu9/node1/cpulist":                 "8-15\n",
		"sys/devices/system/cpu/cpu3/topology/thread_siblings_list": "2-3\n",
	})
	for id, want := range map[int]CPU{9: {9, 1, 1}, 3: {3, 2, 0}, 5: {5, 5, 0}} {
		if got := readCPU(root, id); got != want {
			t.Errorf("processor %d: %v, want %v", id, got, want)
		}
	}
}

func TestQuota(t *testing.T) {
	const mounts = "30 20 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
	const mounts1 = "31 20 0:27 /docker/x /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n" + "32 20 0:28 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
	for _, test := range []struct {
		what  string
		files map[string]string
		want  int
	}{
		{"none", nil, 0},
		{"no limit", map[string]string{"proc/self/cgroup": "0::/a\n", "proc/self/mountinfo": mounts, "sys/fs/cgroup/a/cpu.max": "max 100000\n"}, 0},
		{"its own", map[string]string{"proc/self/cgroup": "0::/a/b\n", "proc/self/mountinfo": mounts, "sys/fs/cgroup/a/b/cpu.max": "250000 100000\n"}, 3},
		{"that of a parent", map[string]string{"proc/self/cgroup": "0::/a/b\n", "proc/self/mountinfo": mounts, "sys/fs/cgroup/a/cpu.max": "100000 100000\n", "sys/fs/cgroup/a/b/cpu.max": "400000 100000\n"}, 1},
		{"version 1, in a container", map[string]string{
			"proc/self/cgroup": "5:cpu,cpuacct:/docker/x\n0::/\n", "proc/self/mountinfo": mounts1,
			"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "150000\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
		}, 2},
		{"version 1, no limit", map[string]string{
			"proc/self/cgroup": "5:cpu,cpuacct:/docker/x\n", "proc/self/mountinfo": mounts1,
			"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
		}, 0},
	} {
		m := &Machine{root: files(test.files)}
		if got := m.Quota(); got != test.want {
			t.Errorf("%s: %d, want %d", test.what, got, test.want)
		}
	}
}

func TestAllowed(t *testing.T) {
	if got := NewMachine().Allowed(); len(got) != runtime.NumCPU() {
		t.Errorf("%v, but the runtime knows of %d", got, runtime.NumCPU())
	}
}

// TestAllowedOfTheProcess: it does not depend on who asks.
func TestAllowedOfTheProcess(t *testing.T) {
	all := NewMachine().Allowed()
	if len(all) < 2 {
		t.Skip("needs two processors")
	}
	asked := make(chan int)
	var ask func()
	ask = func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if unix.Gettid() == os.Getpid() {
			go ask()
			return
		}
		var one unix.CPUSet
		one.Set(all[0].ID)
		if err := unix.SchedSetaffinity(0, &one); err != nil {
			t.Error(err)
		}
		asked <- len(NewMachine().Allowed())
	}
	go ask()
	if got := <-asked; got != len(all) {
		t.Errorf("%d of %d processors", got, len(all))
	}
}
