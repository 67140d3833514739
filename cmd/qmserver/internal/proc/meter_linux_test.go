package proc

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// TestMain lets this test be a process with some memory: that of -hold is its
// own, that of -share also its child's.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && (os.Args[1] == "-hold" || os.Args[1] == "-share") {
		hold(os.Args[1], os.Args[2])
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const held = 64 << 20

// hold has the memory until the end of its stdin.
func hold(how, child string) {
	flags, fd := syscall.MAP_ANON|syscall.MAP_PRIVATE, -1
	if how == "-share" {
		flags, fd = syscall.MAP_SHARED, 3
	}
	memory, err := syscall.Mmap(fd, 0, held, syscall.PROT_READ|syscall.PROT_WRITE, flags)
	if err != nil {
		panic(err)
	}
	for i := 0; i < len(memory); i += 4096 {
		memory[i] = 1
	}
	if child == "with-child" {
		cmd := exec.Command(os.Args[0], how, "alone")
		cmd.Stdin, cmd.Stdout = os.Stdin, os.Stdout
		cmd.ExtraFiles = []*os.File{os.NewFile(3, "shared")}
		_ = cmd.Run()
		return
	}
	fmt.Println("ready")
	_, _ = os.Stdin.Read(make([]byte, 1))
	_ = memory[0]
}

// holding starts a tree of two processes and returns when both have their memory.
func holding(t *testing.T, how string) {
	t.Helper()
	shared, err := os.CreateTemp("/dev/shm", "qm-test")
	if err != nil {
		t.Skipf("no memory to share: %v", err)
	}
	defer shared.Close()
	if err := os.Remove(shared.Name()); err != nil {
		t.Fatal(err)
	}
	if err := shared.Truncate(held); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], how, "with-child")
	cmd.ExtraFiles = []*os.File{shared}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatal(line, err)
	}
}

// TestMeter: the memory of both processes counts, what they share once.
func TestMeter(t *testing.T) {
	const some = 24 << 20 // what the two need themselves, under the race detector too
	var m Meter
	if used, _ := m.Rough(); used != 0 {
		t.Errorf("%d without a child", used)
	}
	t.Run("own", func(t *testing.T) {
		holding(t, "-hold")
		for how, measure := range map[string]func() (int64, bool){"rough": m.Rough, "exact": m.Exact} {
			if used, ok := measure(); !ok || used < 2*held || used > 2*held+2*some {
				t.Errorf("%s: %d MB, %v", how, used>>20, ok)
			}
		}
	})
	t.Run("shared", func(t *testing.T) {
		holding(t, "-share")
		if used, ok := m.Exact(); !ok || used < held || used > held+2*some {
			t.Errorf("exact: %d MB, %v", used>>20, ok)
		}
		if used, ok := m.Rough(); !ok || used < 2*held {
			t.Errorf("rough: %d MB, %v", used>>20, ok)
		}
	})
}

// TestMeterAllocatesNothing more: a supervisor measures for weeks.
func TestMeterAllocatesNothing(t *testing.T) {
	holding(t, "-hold")
	var m Meter
	if n := testing.AllocsPerRun(10, func() { m.Rough(); m.Exact(); m.Killed() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkRough(b *testing.B) { benchmarkMeter(b, (*Meter).Rough) }
func BenchmarkExact(b *testing.B) { benchmarkMeter(b, (*Meter).Exact) }

// benchmarkMeter measures a tree in which one process has 512 MB.
func benchmarkMeter(b *testing.B, measure func(*Meter) (int64, bool)) {
	cmd := exec.Command("sh", "-c", "(head -c 512M /dev/zero; echo; sleep 600) | tail -n 2 & wait")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); _ = cmd.Wait() }()
	var m Meter
	for used := int64(0); used < 500<<20; used, _ = m.Rough() {
	}
	for b.Loop() {
		measure(&m)
	}
}
