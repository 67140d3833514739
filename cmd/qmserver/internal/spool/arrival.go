package spool

import (
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/schedule"
	"qm/pkg/jobinfo"
	"qm/pkg/layout"
)

// A folder that is copied into the queue is complete when two readings of it,
// Settle apart, agree. A reading is a look at everything in it that follows no
// link, opens no file but the info file and leaves no file system.

const (
	maxLooks = 8 // readings at once
	// noInfoFor is how long a folder without info file may stay without any
	// change before it is refused.
	noInfoFor = 10 * time.Minute
	// lookAgain is how often a folder is looked at that something holds back.
	lookAgain = time.Second
)

// reading is what is known of a folder's copying.
type reading struct {
	underWay bool
	due      time.Time // of the next look
	last     look
	same     time.Time // since when all looks agree
	words    string    // what it waits for
}

// look is what one reading found.
type look struct {
	disk.Identity
	start, end time.Time
	sum        uint64 // of all that a change would change
	files      int
	bytes      int64
	busy       string // a file that says that something still copies
	info       jobinfo.Info
	infoErr    error
	err        error // it could not be read
}

// startLooks begins the readings that are due, in the order of arrival.
func (s *Spool) startLooks(now time.Time) {
	var due []*job
	for _, j := range s.jobs {
		if j.phase == arriving && !j.reading.underWay && !now.Before(j.reading.due) {
			due = append(due, j)
		}
	}
	slices.SortFunc(due, func(a, b *job) int { return schedule.Compare(a.asked(), b.asked()) })
	for _, j := range due[:min(len(due), maxLooks-s.looking)] {
		j.reading.underWay = true
		s.looking++
		go func(id disk.Identity, name string) {
			s.looks <- lookAt(s.Tree.Folder(layout.Queued), name, id, s.JobFiles)
		}(j.Identity, j.name)
	}
}

// holdFor is how long complete jobs wait at most for those that may be found
// complete in the same moment and go before them.
const holdFor = 2 * time.Second

// holds tells whether the schedule should wait for readings that are about to
// complete a job that goes before first: else the quickest reading would
// decide the order.
func (s *Spool) holds(first *job, now time.Time) bool {
	if s.holdTill.IsZero() {
		s.holdTill = now.Add(holdFor)
	}
	for _, j := range s.jobs {
		if j.phase == arriving && now.Before(s.holdTill) && j.reading.mayComplete(now, s.Settle) &&
			schedule.Compare(j.asked(), first.asked()) < 0 {
			return true
		}
	}
	s.holdTill = time.Time{}
	return false
}

// mayComplete tells whether the reading that is due or under way may be the last.
func (r *reading) mayComplete(now time.Time, settle time.Duration) bool {
	return !r.same.IsZero() && now.Sub(r.same) >= settle && (r.underWay || !now.Before(r.due))
}

// looked takes the result of a reading.
func (s *Spool) looked(l look) {
	s.looking--
	j := s.jobs[l.Identity]
	if j == nil || j.phase != arriving {
		return // taken away in the meantime
	}
	r := &j.reading
	r.underWay = false
	j.info = l.info
	if r.last.sum != l.sum || r.same.IsZero() {
		r.same = l.end
	}
	r.last = l
	calm := l.start.Sub(r.same)
	settled := calm >= s.Settle
	switch {
	case l.err != nil:
		r.words = fmt.Sprintf("can't be read (%v)", cause(l.err))
		r.due = l.end.Add(lookAgain)
	case l.busy != "":
		r.words = fmt.Sprintf("arriving: %s says that it is still being copied", layout.Display(l.busy))
		r.due = l.end.Add(lookAgain)
	case !settled:
		r.words = fmt.Sprintf("arriving: %s, %s", plural(l.files, "file"), humanize.IBytes(uint64(l.bytes)))
		r.due = r.same.Add(s.Settle)
	case l.infoErr != nil && !isVerdict(l.infoErr):
		r.words = fmt.Sprintf("its info file can't be read (%v); it is tried again", cause(l.infoErr))
		r.due = l.end.Add(lookAgain)
	case errors.Is(l.infoErr, jobinfo.ErrNoInfoFile) && calm < noInfoFor && !s.Drain:
		r.words = fmt.Sprintf("its info file is missing: put %s into it", strings.Join(s.JobFiles, " or "))
		r.due = l.end.Add(max(s.Settle, lookAgain))
	default:
		s.complete(j, l)
	}
	s.dirty = true
}

// isVerdict tells whether an error is about what the user wrote or left out;
// others may pass, such as those of a network file system.
func isVerdict(err error) bool {
	var refusals jobinfo.Refusals
	return errors.As(err, &refusals) || errors.Is(err, jobinfo.ErrNoInfoFile) || errors.Is(err, fs.ErrPermission)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// complete takes a folder that is all there as a job, or refuses it.
func (s *Spool) complete(j *job, l look) {
	j.refusal = l.infoErr
	j.owner = ownerOf(j)
	if j.refusal != nil {
		s.reject(j, j.refusal.Error())
		return
	}
	j.nbProc = min(j.info.NbProc, s.Slots)
	j.phase = waiting
	s.log.Info("job queued", "job", j.shown(), "nb_proc", j.nbProc, "priority", j.info.Priority)
	for _, w := range j.info.Warnings {
		s.log.Warn("job's info file", "job", j.shown(), "warning", w)
	}
}

// lookAt reads the folder name of parent, if it is id.
func lookAt(parent, name string, id disk.Identity, jobFiles []string) look {
	l := look{Identity: id, start: time.Now()}
	l.err = l.read(parent, name, jobFiles)
	l.end = time.Now()
	return l
}

func (l *look) read(parent, name string, jobFiles []string) error {
	root, err := os.OpenRoot(parent)
	if err != nil {
		return err
	}
	defer root.Close()
	dir, err := layout.OpenJob(root, name)
	if err != nil {
		return err
	}
	defer dir.Close()
	top, err := dir.Stat(".")
	if err != nil {
		return err
	}
	l.add(".", top)
	if err := l.walk(dir, ".", disk.DetailsOf(top).Dev); err != nil {
		return err
	}
	l.info, l.infoErr = jobinfo.Read(dir, jobFiles)
	return nil
}

// walk adds all that lies in the folder at rel, on the file system dev.
func (l *look) walk(dir *os.Root, rel string, dev uint64) error {
	f, err := dir.Open(rel)
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		entries, err := f.ReadDir(1000)
		for _, e := range entries {
			name := path.Join(rel, e.Name())
			info, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue // its folder's times tell
			}
			if err != nil {
				return err
			}
			l.add(name, info)
			if info.IsDir() && disk.DetailsOf(info).Dev == dev {
				if err := l.walk(dir, name, dev); err != nil {
					return err
				}
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

var seed = maphash.MakeSeed()

// add takes a file or folder into the sum, which does not depend on the order.
func (l *look) add(name string, info fs.FileInfo) {
	d := disk.DetailsOf(info)
	var h maphash.Hash
	h.SetSeed(seed)
	_, _ = h.WriteString(name)
	for _, v := range [...]int64{int64(d.Inode), int64(info.Mode()), info.Size(), info.ModTime().UnixNano(), d.Ctime, d.Blocks} {
		maphash.WriteComparable(&h, v)
	}
	l.sum += h.Sum64()
	if info.Mode().IsRegular() {
		l.files++
		l.bytes += info.Size()
		if isBusySign(path.Base(name)) {
			l.busy = name
		}
	}
}

// rsyncTemp is how rsync calls a file until it is complete: .NAME.XXXXXX, the
// last by mkstemp(3).
var rsyncTemp = regexp.MustCompile(`^\..+\.[A-Za-z0-9]{6}$`)

// isBusySign tells whether a file of this name is there only while something
// copies. Words in small letters alone (.bashrc.backup) are taken for a user's
// own: mkstemp makes one in 200 times, and the file's changes tell then.
func isBusySign(name string) bool {
	if strings.HasSuffix(name, ".part") {
		return true
	}
	return rsyncTemp.MatchString(name) && strings.ToLower(name[len(name)-6:]) != name[len(name)-6:]
}
