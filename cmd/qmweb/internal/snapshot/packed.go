package snapshot

import (
	"math"
	"slices"
	"strings"
	"time"

	"qm/pkg/jobinfo"
	"qm/pkg/layout"
)

// packed is a Job in little room: there may be 100,000 of them, and none is
// ever changed. Times are Unix nanoseconds, 0 where they are not known.
type packed struct {
	texts string // one behind the other; ends tells where each one ends
	owner string // shared by all jobs of an owner
	live  *live  // of queued and running jobs; else nil

	changed, submitted, started, finished int64

	took     time.Duration
	cpu      float64
	peak     int64
	memory   int64
	priority int
	nbProc   int32
	asked    int32
	exit     int64
	signal   int32
	ends     [packedTexts]uint16
	outcome  uint8 // 0: none; else one more than its place in layout.Outcomes
	state    uint8
	flags    uint8
}

// The texts of a packed job.
const (
	nameText = iota
	infoText
	scriptText
	sizeText
	reasonText
	packedTexts
)

const (
	isPrivate = 1 << iota
	isUnread
	hasExit
	hasSignal
)

// live is what only jobs have that did not end yet.
type live struct {
	position    int
	arriving    bool
	reason      string // why it waits
	submitted   int64
	told        bool // these two count
	progress    jobinfo.Progress
	hasProgress bool
	lastLine    string
	slurm       *inSlurm // of few; nil: Slurm has not got it
}

// owners makes one string of all equal ones.
type owners map[string]string

// maxKnownOwners bounds what is kept for that: names come from job folders.
const maxKnownOwners = 10_000

func (o owners) one(name string) string {
	if known, ok := o[name]; ok {
		return known
	}
	if len(o) < maxKnownOwners {
		o[name] = name
	}
	return name
}

// pack returns the job in little room. Its texts are bounded by shorten.
func pack(j *Job, o owners) *packed {
	p := &packed{
		owner:   o.one(j.Owner),
		changed: nano(j.Changed), submitted: nano(j.Submitted), started: nano(j.Started), finished: nano(j.Finished),
		took: j.Took, cpu: j.CPUSeconds, peak: j.PeakMemory, memory: j.Memory, priority: j.Priority,
		nbProc: int32(min(j.NbProc, math.MaxInt32)), asked: int32(min(j.Asked, math.MaxInt32)),
		outcome: uint8(slices.Index(layout.Outcomes[:], j.Outcome) + 1), state: uint8(j.State),
	}
	var all strings.Builder
	for i, text := range [packedTexts]string{j.Name, j.Info, j.Script, j.Size, j.Reason} {
		all.WriteString(text)
		p.ends[i] = uint16(all.Len())
	}
	p.texts = strings.Clone(all.String()) // a builder has room to spare
	p.set(isPrivate, j.Private)
	p.set(isUnread, j.Unread)
	if j.ExitCode != nil {
		p.set(hasExit, true)
		p.exit = int64(*j.ExitCode)
	}
	if j.Signal != nil {
		p.set(hasSignal, true)
		p.signal = int32(*j.Signal)
	}
	p.live = liveOf(j)
	return p
}

func liveOf(j *Job) *live {
	if j.State != layout.Running && j.State != layout.Queued {
		return nil
	}
	l := &live{position: j.Position, arriving: j.Arriving, lastLine: j.LastLine}
	if j.Slurm != "" {
		l.slurm = &inSlurm{j.Slurm, nano(j.Silent)}
	}
	if j.State == layout.Queued {
		l.told, l.reason, l.submitted = true, j.Reason, nano(j.Submitted)
	}
	if j.Progress != nil {
		l.progress, l.hasProgress = *j.Progress, true
	}
	return l
}

func (p *packed) set(flag uint8, on bool) {
	if on {
		p.flags |= flag
	}
}

func (p *packed) is(flag uint8) bool { return p.flags&flag != 0 }

func (p *packed) text(i int) string {
	begin := uint16(0)
	if i > 0 {
		begin = p.ends[i-1]
	}
	return p.texts[begin:p.ends[i]]
}

func (p *packed) name() string { return p.text(nameText) }

// same tells whether two say the same.
func (p *packed) same(q *packed) bool {
	if p.live != nil && q.live != nil && *p.live == *q.live {
		one := *p
		one.live = q.live
		return one == *q
	}
	return *p == *q
}

// job returns the job as it was packed.
func (p *packed) job() *Job {
	j := new(Job)
	p.unpack(j)
	return j
}

func (p *packed) unpack(j *Job) {
	*j = Job{
		Name: p.name(), State: layout.State(p.state), Owner: p.owner, Info: p.text(infoText), Script: p.text(scriptText),
		Size: p.text(sizeText), Reason: p.text(reasonText), NbProc: int(p.nbProc), Asked: int(p.asked), Priority: p.priority,
		Submitted: fromNano(p.submitted), Started: fromNano(p.started), Finished: fromNano(p.finished), Changed: fromNano(p.changed),
		Took: p.took, CPUSeconds: p.cpu, PeakMemory: p.peak, Memory: p.memory, Private: p.is(isPrivate), Unread: p.is(isUnread),
	}
	if p.outcome > 0 {
		j.Outcome = layout.Outcomes[p.outcome-1]
	}
	if p.is(hasExit) {
		j.ExitCode = new(int(p.exit))
	}
	if p.is(hasSignal) {
		j.Signal = new(int(p.signal))
	}
	if l := p.live; l != nil {
		l.unpack(j)
	}
}

func (l *live) unpack(j *Job) {
	j.Position, j.Arriving, j.LastLine = l.position, l.arriving, l.lastLine
	if l.slurm != nil {
		j.Slurm, j.Silent = l.slurm.words, fromNano(l.slurm.silent)
	}
	if l.told {
		j.Reason, j.Submitted = l.reason, fromNano(l.submitted)
	}
	if l.hasProgress {
		j.Progress = new(l.progress)
	}
}

func nano(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func fromNano(ns int64) time.Time {
	if ns == 0 {
		return time.Time{}
	}
	return time.Unix(0, ns)
}

// shown is the time that a job of a state is listed by.
func (p *packed) shown() int64 {
	switch {
	case p.waitsInSlurm():
		return p.changed + behindAll
	case layout.State(p.state) == layout.Running && p.started != 0:
		return p.started
	case layout.State(p.state) != layout.Running && p.finished != 0:
		return p.finished
	}
	return p.changed
}
