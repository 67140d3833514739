package supervise

import (
	"errors"
	"sync"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/windows"
)

// memoryPort takes what Windows tells of a job object: that its processes were
// given no more memory, since they have what they may.
type memoryPort struct {
	port  windows.Handle
	seen  atomic.Bool
	ended chan struct{} // closed when all was taken that was told before close
}

// The messages of a job object's port that count; see JobMemoryLimit in
// JOBOBJECT_ASSOCIATE_COMPLETION_PORT. The last one is our own.
const (
	jobMemoryLimit = 10 // JOB_OBJECT_MSG_JOB_MEMORY_LIMIT
	noMore         = 0
)

// associatedPort is JOBOBJECT_ASSOCIATE_COMPLETION_PORT.
type associatedPort struct {
	key  uintptr
	port windows.Handle
}

func newMemoryPort(object windows.Handle) (*memoryPort, error) {
	port, err := windows.CreateIoCompletionPort(windows.InvalidHandle, 0, 0, 1)
	if err != nil {
		return nil, err
	}
	to := associatedPort{port: port}
	_, err = windows.SetInformationJobObject(object, windows.JobObjectAssociateCompletionPortInformation, uintptr(unsafe.Pointer(&to)), uint32(unsafe.Sizeof(to)))
	if err != nil {
		return nil, errors.Join(err, windows.CloseHandle(port))
	}
	p := &memoryPort{port: port, ended: make(chan struct{})}
	go p.listen()
	return p, nil
}

func (p *memoryPort) listen() {
	defer close(p.ended)
	for {
		message, ok := p.next()
		if !ok || message == noMore {
			return
		}
		if message == jobMemoryLimit {
			p.seen.Store(true)
		}
	}
}

// getQueuedCompletionStatus is not that of x/sys/windows, which takes the number
// of a process, told with each message, for a pointer.
var getQueuedCompletionStatus = sync.OnceValue(func() *windows.LazyProc { return kernel32().NewProc("GetQueuedCompletionStatus") })

func (p *memoryPort) next() (message uint32, ok bool) {
	var key, process uintptr
	done, _, _ := getQueuedCompletionStatus().Call(uintptr(p.port), uintptr(unsafe.Pointer(&message)), uintptr(unsafe.Pointer(&key)),
		uintptr(unsafe.Pointer(&process)), windows.INFINITE)
	return message, done != 0
}

// close returns when all is known that was told until now.
func (p *memoryPort) close() error {
	if p == nil {
		return nil
	}
	if err := windows.PostQueuedCompletionStatus(p.port, noMore, 0, nil); err != nil {
		return err
	}
	<-p.ended
	return windows.CloseHandle(p.port)
}

func (p *memoryPort) refused() bool { return p != nil && p.seen.Load() }
