package proc

import (
	"os"
	"os/exec"
	"runtime"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

const refusedVar = "QM_TEST_SLACK_REFUSED"

// TestCalmIsRefused: where the slack can't be set, as a container may have it, the
// program goes on, and does not execute itself again and again.
func TestCalmIsRefused(t *testing.T) {
	switch os.Getenv(refusedVar) {
	case "first":
		t.Setenv(refusedVar, "again")
		runtime.LockOSThread()
		refuseSlack(t)
		Calm()
		return
	case "again":
		t.Fatal("executed again")
	}
	first := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCalmIsRefused$")
	first.Env = append(os.Environ(), refusedVar+"=first")
	if out, err := first.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// refuseSlack has the kernel refuse this thread PR_SET_TIMERSLACK.
func refuseSlack(t *testing.T) {
	const nr, firstArg = 0, 16 // in struct seccomp_data, see seccomp(2)
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: nr},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_PRCTL, Jf: 3},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: firstArg},
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.PR_SET_TIMERSLACK, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	filter := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&filter)), 0, 0); err != nil {
		t.Skip("skipped: no filter of system calls here: ", err)
	}
	runtime.KeepAlive(program)
}
