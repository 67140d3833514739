package proc

import (
	"errors"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// Adopt does nothing: macOS knows no subreapers.
func Adopt() error { return nil }

// KeepDescriptors does nothing: Go opens all close-on-exec.
func KeepDescriptors() {}

// zombie is the state of a process that has ended and is not waited for; see
// SZOMB in sys/proc.h.
const zombie = 5

// table returns all processes that live, or nothing if it can't be had: it may
// grow while it is asked for.
func table() []unix.KinfoProc {
	for range 5 {
		all, err := unix.SysctlKinfoProcSlice("kern.proc.all")
		if err == nil {
			return slices.DeleteFunc(all, func(k unix.KinfoProc) bool { return k.Proc.P_stat == zombie })
		}
	}
	return nil
}

func kinsmen() []kinsman {
	var all []kinsman
	for _, k := range table() {
		pid := int(k.Proc.P_pid)
		session, err := unix.Getsid(pid)
		if err != nil {
			session = 0
		}
		all = append(all, kinsman{pid, int(k.Eproc.Ppid), int(k.Eproc.Pgid), session})
	}
	return all
}

// Children returns the numbers of this process's children that live.
func Children() []int {
	var found []int
	for _, k := range table() {
		if int(k.Eproc.Ppid) == os.Getpid() {
			found = append(found, int(k.Proc.P_pid))
		}
	}
	return found
}

// Descendants returns the numbers of all that came of the processes given, and
// those themselves.
func Descendants(of []int) []int {
	if len(of) == 0 {
		return nil
	}
	return kin(kinsmen(), 0, func(pid int) bool { return slices.Contains(of, pid) })
}

// OfSession returns the numbers of all that came of the process that leads the
// session, whether it lives or not, and of those in whose environment the
// variable has this value.
func OfSession(leader int, name, value string) []int {
	marked := WithVariable(name, value, os.Getuid())
	return kin(kinsmen(), leader, func(pid int) bool { return slices.Contains(marked, pid) })
}

// Find names the process with this number.
func Find(pid int) Process {
	k, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return Process{PID: pid}
	}
	return Process{pid, unix.ByteSliceToString(k.Proc.P_comm[:])}
}

// WithVariable returns the processes of a user, -1: of all, in whose environment,
// as it was at their start, the variable has this value. What macOS does not
// show, such as that of its own programs, is not found.
func WithVariable(name, value string, uid int) []int {
	var found []int
	for _, k := range table() {
		pid := int(k.Proc.P_pid)
		if pid == os.Getpid() || uid >= 0 && int(k.Eproc.Ucred.Uid) != uid {
			continue
		}
		if _, env := started(pid); slices.Contains(env, name+"="+value) {
			found = append(found, pid)
		}
	}
	return found
}

// started returns with what a process was started, as far as macOS shows it.
func started(pid int) (args, env []string) {
	data, err := unix.SysctlRaw("kern.procargs2", pid)
	if err != nil {
		return nil, nil
	}
	return parseProcArgs(data)
}

// Commands returns the processes that were started with arguments such as like
// tells.
func Commands(like func(args []string) bool) []Command {
	var found []Command
	for _, k := range table() {
		pid := int(k.Proc.P_pid)
		if args, _ := started(pid); like(args) {
			found = append(found, Command{pid, int(k.Eproc.Pcred.P_ruid), args})
		}
	}
	return found
}

// Kill sends KILL. It is no error that the process is gone.
func Kill(pid int) error {
	err := unix.Kill(pid, unix.SIGKILL)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	return err
}

// Reap waits for a child of ours if it has ended, and tells whether it had:
// from then on its number may be another's.
func Reap(pid int) bool {
	got, err := unix.Wait4(pid, nil, unix.WNOHANG, nil)
	return err == nil && got == pid
}
