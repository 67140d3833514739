package snapshot

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"qm/pkg/jobinfo"
	"qm/pkg/layout"
)

// The longest texts that lists keep of a job, in bytes.
const (
	maxOwner  = 254 // the longest address, RFC 5321 section 4.5.3.1.3
	maxScript = 500
	maxInfo   = 300
	maxSize   = 60
	maxReason = 600
)

// The longest texts that are told of a job by itself, in bytes: what its owner
// wrote is bounded, but by no more than a page can take.
const (
	maxText    = 4 << 10
	maxCommand = 64 << 10
)

const (
	maxProcs  = 1 << 20 // nobody has so many
	maxGPUs   = 64      // nor so many
	maxPinned = 4096
)

// folders are the four folders, open.
type folders struct {
	dirs    [len(layout.States)]*os.Root // nil where one can't be opened
	private [len(layout.States)]bool     // because it is private
}

func (s *scanner) openFolders(root *os.Root) *folders {
	var d folders
	for _, st := range layout.States {
		dir, err := s.sight.OpenJob(root, st.Folder())
		if err == nil {
			d.dirs[st] = dir
		}
		d.private[st] = errors.Is(err, fs.ErrPermission)
	}
	return &d
}

func (d *folders) close() {
	for _, dir := range d.dirs {
		if dir != nil {
			dir.Close()
		}
	}
}

// unread is what is known of a job before its folder was opened.
func (e *entry) unread(o owners) *packed { return pack(e.unreadJob(), o) }

func (e *entry) unreadJob() *Job {
	changed := fromNano(e.changed)
	j := &Job{Name: e.name, State: e.state, Changed: changed, Took: -1, CPUSeconds: -1, Unread: true}
	switch e.state {
	case layout.Queued:
	case layout.Running:
		j.Started = changed
	case layout.Done, layout.Lost:
		j.Finished = changed
	}
	return j
}

// readSafely reads a job. Whatever lies in its folder, it comes back with what
// can be told; nil: nothing else than before.
func (s *scanner) readSafely(dirs *folders, e *entry, now time.Time) (j *Job) {
	defer func() {
		if p := recover(); p != nil {
			j = e.unreadJob()
			j.Unread, j.Reason = false, fmt.Sprintf("its folder can't be read: %v", p)
		}
	}()
	dir := dirs.dirs[e.state]
	switch {
	case dirs.private[e.state]:
		j = e.unreadJob()
		j.Unread, j.Private = false, true
		return j
	case dir == nil:
		return nil
	}
	job, err := s.sight.OpenJob(dir, e.name)
	if err != nil {
		j = e.unreadJob()
		j.Unread = errors.Is(err, fs.ErrNotExist) // moved: the next scan finds it
		j.Private = errors.Is(err, fs.ErrPermission)
		if !j.Unread && !j.Private {
			j.Reason = "its folder can't be read: " + plainError(err)
		}
		return j
	}
	defer job.Close()
	return s.readJob(job, e, now).shorten()
}

// Detail is all that can be told of one job.
type Detail struct {
	*Job
	Asked  jobinfo.Info
	Refuse error          // why the info file is refused; nil: it is not
	Record *layout.Record // nil: there is none of this run
}

// reader is how the folder of a job is read.
type reader struct {
	names []string // of info files
	sight Sight
}

// readJob reads an open folder, its texts in full length.
func (r *reader) readJob(dir *os.Root, e *entry, now time.Time) *Detail {
	d := &Detail{Job: &Job{Name: e.name, State: e.state, Changed: fromNano(e.changed), Took: -1, CPUSeconds: -1}}
	d.Asked, d.Refuse = r.sight.readInfo(dir, r.names)
	d.takeInfo(d.Asked)
	if d.Refuse != nil && !errors.Is(d.Refuse, fs.ErrPermission) && (e.state == layout.Lost || e.state == layout.Queued) {
		d.Reason = d.Refuse.Error()
	}
	if e.state != layout.Queued { // there it tells of an earlier run
		d.Record = r.readRecord(dir)
	}
	if d.Record != nil {
		d.takeRecord(d.Record)
	}
	switch e.state {
	case layout.Queued:
	case layout.Running:
		if e.tail == nil {
			e.tail = new(tail)
		}
		e.tail.update(dir, r.sight)
		d.Progress, d.LastLine = e.tail.progress, e.tail.lastLine
		if d.Record == nil { // the Python QM runs it
			d.Started = e.tail.started
		}
	case layout.Done, layout.Lost:
		if d.Record == nil || d.Record.Outcome == nil {
			d.takeLog(dir, r.sight)
		}
	}
	if d.Owner == "" {
		d.Owner = cmp.Or(userName(int(e.uid)), layout.FolderOwner(dir))
	}
	d.soundTimes(now)
	return d
}

// bound cuts what is forged, or written without measure.
func (d *Detail) bound() {
	d.Owner = cut(d.Owner, maxOwner)
	d.Script = cut(d.Script, maxCommand)
	for _, text := range []*string{&d.Info, &d.Size, &d.Reason} {
		*text = cut(*text, maxText)
	}
	if r := d.Record; r != nil {
		if r.Host != nil {
			*r.Host = cut(*r.Host, maxOwner)
		}
		r.CPUs, r.GPUs = r.CPUs[:min(len(r.CPUs), maxPinned)], r.GPUs[:min(len(r.GPUs), maxGPUs)]
		for i := range r.GPUs {
			r.GPUs[i] = cut(r.GPUs[i], maxOwner)
		}
	}
}

func (j *Job) takeInfo(info jobinfo.Info) {
	j.Owner, j.Info, j.Size = info.EMail, info.Info, info.Size
	j.Script, j.Priority, j.Memory = info.Command, info.Priority, info.Memory
	if info.File != "" { // else nothing was asked for
		j.NbProc, j.Asked = info.NbProc, info.NbProc
	}
	if info.Format.IsScript() {
		j.Script = info.File
	}
}

// takeRecord takes what a record tells, as far as it makes sense: anyone may
// have written it.
func (j *Job) takeRecord(r *layout.Record) {
	set(&j.Owner, r.Owner)
	set(&j.Script, r.Script)
	set(&j.Reason, r.Reason)
	set(&j.Submitted, r.Submitted)
	set(&j.Started, r.Started)
	set(&j.Finished, r.Finished)
	if r.NbProc != nil && *r.NbProc > 0 && *r.NbProc < maxProcs {
		j.NbProc = *r.NbProc
	}
	if r.Outcome != nil && slices.Contains(layout.Outcomes[:], *r.Outcome) {
		j.Outcome = *r.Outcome
	}
	j.ExitCode, j.Signal = fitting(r.ExitCode), fitting(r.Signal)
	const sane = 1e12 // seconds, bytes times 1,000: nobody has so much
	if r.CPUSeconds != nil && *r.CPUSeconds >= 0 && *r.CPUSeconds < sane {
		j.CPUSeconds = *r.CPUSeconds
	}
	if r.PeakMemoryBytes != nil && *r.PeakMemoryBytes > 0 && *r.PeakMemoryBytes < 1000*sane {
		j.PeakMemory = *r.PeakMemoryBytes
	}
}

// fitting drops a number that no system gives: codes have 32 bits, on Windows
// without a sign.
func fitting(n *int) *int {
	if n == nil || int64(*n) < math.MinInt32 || int64(*n) > math.MaxUint32 {
		return nil
	}
	return n
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// soundTimes drops times that can't be and fills in those that a folder
// without a record still tells.
func (j *Job) soundTimes(now time.Time) {
	const slack = 24 * time.Hour // another machine's clock
	for _, t := range []*time.Time{&j.Submitted, &j.Started, &j.Finished} {
		if t.Year() < 1980 || t.After(now.Add(slack)) {
			*t = time.Time{}
		} else {
			*t = t.Local() // a log may name a zone that JSON does not take
		}
	}
	if j.State == layout.Running && j.fromEarlierRun() {
		j.Started, j.Finished, j.Outcome = j.Changed, time.Time{}, ""
		j.ExitCode, j.Signal, j.Reason = nil, nil, ""
	}
	if !j.Started.IsZero() && !j.Finished.Before(j.Started) {
		j.Took = j.Finished.Sub(j.Started)
	}
	if ended := j.State == layout.Done || j.State == layout.Lost; ended && j.Finished.IsZero() {
		j.Finished = j.Changed
	}
}

// fromEarlierRun tells that what is known of a running job is not about this
// run: there is no record yet, or one that had ended before the folder was
// moved to where it is. One that ended since is about to be moved on.
func (j *Job) fromEarlierRun() bool {
	return j.Started.IsZero() || !j.Finished.IsZero() && (j.Finished.Before(j.Changed) || j.Finished.Before(j.Started))
}

// shorten cuts the texts to what lists keep.
func (j *Job) shorten() *Job {
	j.Owner = cut(j.Owner, maxOwner)
	j.Script = cut(j.Script, maxScript)
	j.Info = cut(j.Info, maxInfo)
	j.Size = cut(j.Size, maxSize)
	j.Reason = cut(j.Reason, maxReason)
	return j
}

// cut returns s, or its beginning with an ellipsis in at most limit bytes. It
// does not hold on to the file that s is a part of.
func cut(s string, limit int) string {
	const more = "…"
	if len(s) <= limit {
		return strings.Clone(s)
	}
	n := limit - len(more)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return strings.Clone(s[:n]) + more
}
