package launch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"qm/cmd/qmserver/internal/runfile"
)

// ledgers are the run files that this process itself keeps of runs on other
// machines: one for what it begins, and those of earlier servers as long as a
// run of them goes on. They are for one goroutine.
type ledgers struct {
	dir   *os.Root
	open  map[string]*ledger
	count int
	now   *ledger // of the next run; nil: to be made
}

// ledger is one of them.
type ledger struct {
	name string
	file *runfile.File
	runs int // that have not ended
	all  int
}

// begin writes that a run is about to start, and returns where. It is on disk
// when begin returns nil.
func (ls *ledgers) begin(line runfile.Line) (*ledger, error) {
	if ls.now != nil && ls.now.all >= maxJobs {
		ls.leave(ls.now)
	}
	if ls.now == nil {
		ls.count++
		name := fmt.Sprintf("slurm-%s-%d-%d", time.Now().Format("20060102-150405.000000"), os.Getpid(), ls.count)
		f, err := runfile.Create(ls.dir, name)
		if err != nil {
			return nil, err
		}
		ls.now = &ledger{name: name, file: f}
		ls.open[name] = ls.now
	}
	l := ls.now
	if err := l.file.Append(line); err != nil {
		ls.leave(l) // what of the line is there is for who mends it
		return nil, err
	}
	l.runs++
	l.all++
	return l, nil
}

// adopt goes on with a run file of an earlier server, for one run more.
func (ls *ledgers) adopt(name string) (*ledger, error) {
	l := ls.open[name]
	if l == nil {
		f, err := runfile.Reopen(ls.dir, name)
		if err != nil {
			return nil, err
		}
		l = &ledger{name: name, file: f, all: maxJobs}
		ls.open[name] = l
	}
	l.runs++
	return l, nil
}

// end writes what has become of a run. It is on disk when end returns nil.
func (ls *ledgers) end(l *ledger, line runfile.Line) error {
	if err := l.file.Append(line); err != nil {
		return err
	}
	l.runs--
	if l != ls.now {
		ls.leave(l)
	}
	return nil
}

// leave begins no more runs in a run file, and gives it up when all have ended.
func (ls *ledgers) leave(l *ledger) {
	if l == ls.now {
		ls.now = nil
	}
	if l.runs == 0 {
		_ = l.file.Close()
		delete(ls.open, l.name)
	}
}

// retire gives the run file up that has nothing to tell any more.
func (ls *ledgers) retire() {
	if ls.now != nil && ls.now.runs == 0 {
		ls.leave(ls.now)
	}
}

// lost tells whether somebody has taken a run file away.
func (ls *ledgers) lost(l *ledger) bool {
	_, err := ls.dir.Lstat(l.name)
	return errors.Is(err, fs.ErrNotExist)
}

// close gives up all of them.
func (ls *ledgers) close() {
	for _, l := range ls.open {
		_ = l.file.Close()
	}
}
