package supervise

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// jobObject holds all processes that come of the first one: when its last
// handle is closed, which only this supervisor has, they are ended. Its methods
// may be called concurrently.
type jobObject struct {
	mu     sync.Mutex
	handle windows.Handle // 0: closed
	memory *memoryPort    // nil: there is no limit, or nothing tells of it
}

// newJobObject makes one whose processes may have so many bytes together; 0: no
// limit.
func newJobObject(memory int64) (*jobObject, error) {
	h, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return nil, err
	}
	var limits windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	limits.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	if memory > 0 {
		limits.BasicLimitInformation.LimitFlags |= windows.JOB_OBJECT_LIMIT_JOB_MEMORY
		limits.JobMemoryLimit = uintptr(memory)
	}
	_, err = windows.SetInformationJobObject(h, windows.JobObjectExtendedLimitInformation, uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits)))
	if err != nil {
		return nil, errors.Join(err, windows.CloseHandle(h))
	}
	o := &jobObject{handle: h}
	if memory > 0 {
		o.memory, _ = newMemoryPort(h) // without, only the words are missing
	}
	return o, nil
}

// begin takes the suspended process in and lets it run.
func (o *jobObject) begin(pid int, process windows.Handle) error {
	if err := windows.AssignProcessToJobObject(o.handle, process); err != nil {
		return err
	}
	return resume(uint32(pid))
}

// resume lets the threads of a process run; a new one has one.
func resume(pid uint32) error {
	all, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPTHREAD, 0)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(all) //nolint:errcheck // it was only read
	entry := windows.ThreadEntry32{Size: uint32(unsafe.Sizeof(windows.ThreadEntry32{}))}
	err = windows.Thread32First(all, &entry)
	for resumed := false; ; err = windows.Thread32Next(all, &entry) {
		switch {
		case errors.Is(err, windows.ERROR_NO_MORE_FILES) && resumed:
			return nil
		case err != nil:
			return err
		case entry.OwnerProcessID != pid:
			continue
		}
		thread, err := windows.OpenThread(windows.THREAD_SUSPEND_RESUME, false, entry.ThreadID)
		if err != nil {
			return err
		}
		_, err = windows.ResumeThread(thread)
		if err = errors.Join(err, windows.CloseHandle(thread)); err != nil {
			return err
		}
		resumed = true
	}
}

// accounting is JOBOBJECT_BASIC_ACCOUNTING_INFORMATION; times are in units of
// 100 ns.
type accounting struct {
	user, kernel, periodUser, periodKernel int64
	faults, total, active, ended           uint32
}

func (o *jobObject) query(class int32, into unsafe.Pointer, size uintptr) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.handle == 0 {
		return windows.ERROR_INVALID_HANDLE
	}
	return windows.QueryInformationJobObject(o.handle, class, uintptr(into), uint32(size), nil)
}

// active is how many processes there are. That it can't be told says that the
// object is closed.
func (o *jobObject) active() int {
	var a accounting
	if err := o.query(windows.JobObjectBasicAccountingInformation, unsafe.Pointer(&a), unsafe.Sizeof(a)); err != nil {
		return 0
	}
	return int(a.active)
}

// usage is what all have used, dead or alive.
func (o *jobObject) usage() usage {
	var u usage
	var a accounting
	var limits windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION
	if o.query(windows.JobObjectBasicAccountingInformation, unsafe.Pointer(&a), unsafe.Sizeof(a)) == nil {
		seconds := float64(a.user+a.kernel) / 1e7
		u.cpuSeconds = &seconds
	}
	if o.query(windows.JobObjectExtendedLimitInformation, unsafe.Pointer(&limits), unsafe.Sizeof(limits)) == nil && limits.PeakJobMemoryUsed > 0 {
		u.sample(int64(limits.PeakJobMemoryUsed))
	}
	return u
}

// untilEmpty calls tell again and again, with growing pauses, and once more
// when nothing is left.
func (o *jobObject) untilEmpty(tell func()) {
	for pause := time.Millisecond; o.active() > 0; pause = min(2*pause, lookEvery) {
		tell()
		time.Sleep(pause)
	}
	tell()
}

// killedCode is the exit code of what is ended: that of a shell whose command
// was killed.
const killedCode = uint32(shellKilled)

func (o *jobObject) terminate() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.handle != 0 {
		_ = windows.TerminateJobObject(o.handle, killedCode)
	}
}

func (o *jobObject) close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.handle == 0 {
		return nil
	}
	h := o.handle
	o.handle = 0
	return errors.Join(windows.CloseHandle(h), o.memory.close())
}

// mostNames is how many processes are worth to be named.
const mostNames = 20

// processList is JOBOBJECT_BASIC_PROCESS_ID_LIST.
type processList struct {
	assigned, listed uint32
	ids              [mostNames]uintptr
}

// names names the processes for people. What holds their console is none of
// theirs, and goes with them.
func (o *jobObject) names() []string {
	var list processList
	err := o.query(windows.JobObjectBasicProcessIdList, unsafe.Pointer(&list), unsafe.Sizeof(list))
	if err != nil && !errors.Is(err, windows.ERROR_MORE_DATA) {
		return nil
	}
	known := programs()
	var all []string
	for _, id := range list.ids[:min(list.listed, mostNames)] {
		if name := known[uint32(id)]; !strings.EqualFold(name, "conhost.exe") {
			all = append(all, strconv.Quote(name)+" ("+strconv.Itoa(int(id))+")")
		}
	}
	return all
}

// programs returns the name of each process's program.
func programs() map[uint32]string {
	found := make(map[uint32]string)
	all, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPPROCESS, 0)
	if err != nil {
		return found
	}
	defer windows.CloseHandle(all) //nolint:errcheck // it was only read
	entry := windows.ProcessEntry32{Size: uint32(unsafe.Sizeof(windows.ProcessEntry32{}))}
	for err = windows.Process32First(all, &entry); err == nil; err = windows.Process32Next(all, &entry) {
		found[entry.ProcessID] = windows.UTF16ToString(entry.ExeFile[:])
	}
	return found
}
