package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Adopt makes this process the one to whom all descendants fall that lose
// their parent; see PR_SET_CHILD_SUBREAPER(2const).
func Adopt() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become subreaper: %w", err)
	}
	return nil
}

// CallMyself sets the name by which Find and ps(1) know this process, which is that
// of its first thread, whatever thread this is; see proc_pid_comm(5). Who is not
// dumpable may not.
func CallMyself(name string) {
	_ = os.WriteFile("/proc/self/comm", []byte(name), 0)
}

// KeepDescriptors keeps what this process was started with, beyond stdin,
// stdout and stderr, from its children: close_range(2), since Linux 5.11.
func KeepDescriptors() {
	_ = unix.CloseRange(3, 1<<31-1, unix.CLOSE_RANGE_CLOEXEC)
}

// Children returns the numbers of this process's children, also those that
// have ended and are not waited for.
func Children() []int { return children("self") }

// Descendants returns the numbers of all that came of the processes given, and
// those themselves first.
func Descendants(of []int) []int {
	found := append([]int(nil), of...)
	for i := 0; i < len(found); i++ {
		found = append(found, children(strconv.Itoa(found[i]))...)
	}
	return found
}

// children reads proc_tid_children(5).
func children(pid string) []int {
	lists, _ := filepath.Glob("/proc/" + pid + "/task/*/children")
	var all []int
	for _, list := range lists {
		data, _ := os.ReadFile(list) // gone in the meantime: has none
		for f := range strings.FieldsSeq(string(data)) {
			if n, err := strconv.Atoi(f); err == nil {
				all = append(all, n)
			}
		}
	}
	return all
}

// Find names the process with this number.
func Find(pid int) Process {
	comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return Process{pid, strings.TrimSpace(string(comm))}
}

// WithVariable returns the processes of a user, -1: of all, in whose environment,
// as it was at their start, the variable has this value. Those that we may not look into, and
// those that have ended and are not waited for, are not found.
func WithVariable(name, value string, uid int) []int {
	dirs, _ := os.ReadDir("/proc")
	want := []byte(name + "=" + value)
	var found []int
	for _, d := range dirs {
		pid, err := strconv.Atoi(d.Name())
		if err != nil || pid == os.Getpid() || uid >= 0 && ownerOf(pid) != uid {
			continue
		}
		environ, _ := os.ReadFile("/proc/" + d.Name() + "/environ")
		for v := range bytes.SplitSeq(environ, []byte{0}) {
			if bytes.Equal(v, want) {
				found = append(found, pid)
				break
			}
		}
	}
	return found
}

// Commands returns the processes that were started with arguments such as like
// tells.
func Commands(like func(args []string) bool) []Command {
	dirs, _ := os.ReadDir("/proc")
	var found []Command
	for _, d := range dirs {
		pid, err := strconv.Atoi(d.Name())
		if err != nil {
			continue
		}
		line, _ := os.ReadFile("/proc/" + d.Name() + "/cmdline") // gone in the meantime: has none
		args := strings.Split(strings.TrimSuffix(string(line), "\x00"), "\x00")
		if !like(args) {
			continue
		}
		if uid, ok := realUser(pid); ok {
			found = append(found, Command{pid, uid, args})
		}
	}
	return found
}

// realUser reads the first number behind Uid in proc_pid_status(5).
func realUser(pid int) (uid int, ok bool) {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, ok := strings.Cut(string(status), "\nUid:")
	fields := strings.Fields(rest)
	if !ok || len(fields) == 0 {
		return 0, false
	}
	uid, err := strconv.Atoi(fields[0])
	return uid, err == nil
}

// ownerOf returns whose the process is: root's, if it was given more rights than
// its user has; -1 if it is gone.
func ownerOf(pid int) int {
	var st unix.Stat_t
	if err := unix.Stat("/proc/"+strconv.Itoa(pid), &st); err != nil {
		return -1
	}
	return int(st.Uid)
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
