package spool

import (
	"cmp"
	"path/filepath"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/folder"
	"qm/cmd/qmserver/internal/runfile"
	"qm/pkg/layout"
)

// Post takes the letters about jobs that are over. A letter is written, and
// durable, before its job is moved, and goes out after that:
//
//	the server is killed     at the next start
//	before the letter is     the job still lies where it lay: it is settled again, and the letter written
//	before the move          the same: the letter takes the place of the one that is there
//	before Moved             Kept tells of the letter, and its job lies in QM_dJobs or QM_lost+found: Moved
//	after Moved              the post knows that it may go out
type Post interface {
	// Write keeps a letter until its job is moved, in place of one that it keeps
	// about the same folder. It is durable when Write returns nil. Write blocks
	// and may be called by several goroutines.
	Write(Letter) error
	// Moved lets the letter about a folder go out: the job has this name where it
	// was to be moved to, or none if it was taken away.
	Moved(id disk.Identity, name string)
	// Kept returns the letters whose jobs are not known to be moved.
	Kept() []Letter
	// Waiting tells of the letters that have not gone out; nil: there are none.
	Waiting() *layout.WaitingMail
}

// Letter is what a job's owner is told of its end.
type Letter struct {
	disk.Identity
	To      string `json:"to"`   // address, as the job's owner wrote it
	JobID   string `json:"job"`  // layout.ID of the name
	From    string `json:"from"` // the folder that it lay in, such as QM_Jobs
	Into    string `json:"into"` // the one that it is moved to
	Attempt int    `json:"attempt"`
	runfile.End
	Info      string    `json:"info,omitempty"` // the line of description
	NbProc    int       `json:"nb_proc,omitempty"`
	Submitted time.Time `json:"submitted"`
	Started   time.Time `json:"started,omitzero"` // zero: it has not run
	Ended     time.Time `json:"ended"`
	Log       string    `json:"log,omitempty"` // the end of process.log
}

// written says that the letter about a job is kept, or why not.
type written struct {
	disk.Identity
	err error
}

// owesLetter tells whether a job that is to be moved is to be told of before.
func (s *Spool) owesLetter(j *job) bool {
	if s.Post == nil || j.move.lettered || j.move.to != layout.Done && j.move.to != layout.Lost {
		return false
	}
	return j.move.strange || j.know().info.EMail != ""
}

// writeLetter has the letter about a job written, beside all else: its folder,
// or the outbox, may lie on a disk that does not answer.
func (s *Spool) writeLetter(j *job, now time.Time) {
	l := Letter{
		Identity: j.Identity, To: j.info.EMail, JobID: layout.ID(j.name), From: j.move.from.Folder(), Into: j.move.to.Folder(),
		Attempt: j.attempt, End: j.move.end, Info: j.info.Info, NbProc: j.NbProc, Submitted: j.arrived(),
	}
	l.Ended = now
	if j.move.end.Outcome != layout.Rejected && !j.move.strange {
		l.Started = j.started
		if !j.ended.IsZero() {
			l.Ended = j.ended
		}
	}
	// Of a job of an earlier server the description was never read here.
	unread := j.move.strange || l.Info == "" && j.info.Command == "" && l.Outcome != layout.Rejected
	j.telling = true
	go func(ref folder.Ref, uid int, ask bool) {
		if ask {
			info := s.launcher.Look(ref, uid, s.JobFiles, false).Info
			l.To, l.Info = cmp.Or(l.To, info.EMail), info.Info
		}
		w := written{Identity: ref.Identity}
		if l.To != "" {
			l.Log, _ = s.launcher.LogTail(ref, uid) // what can't be read is not told
			w.err = s.Post.Write(l)
		}
		select {
		case s.letters <- w:
		case <-s.quit:
		}
	}(s.ref(j, j.move.from), int(j.uid), unread)
}

// letterWritten moves the job on. A full disk holds it back; any other fault
// costs the letter.
func (s *Spool) letterWritten(w written) {
	j := s.jobs.all[w.Identity]
	if j == nil || !j.telling {
		return
	}
	j.telling = false
	now := time.Now()
	switch {
	case disk.IsNoRoom(w.err):
		s.postpone(j, j.move.from, j.move.to, now, w.err)
		return
	case w.err != nil:
		s.log.Error("mail can't be written", "job", j.shown(), "error", w.err)
	}
	j.move.lettered = true
	s.settle(j, now)
}

// letGo lets the letter about a job go out that was moved.
func (s *Spool) letGo(j *job) {
	if j.move.lettered {
		s.Post.Moved(j.Identity, j.name)
	}
}

// sortPost lets the letters go out whose jobs were moved by a server that did
// not come to say so, or were taken away. The others are told of once more when
// their jobs are moved.
func (s *Spool) sortPost() {
	if s.Post == nil {
		return
	}
	var moved []Letter
	for _, l := range s.Post.Kept() {
		if !s.stillLies(l) {
			moved = append(moved, l)
		}
	}
	for _, l := range moved {
		s.Post.Moved(l.Identity, s.whereNow(l))
	}
}

// stillLies tells whether the job of a letter has not left the folder that it
// lay in.
func (s *Spool) stillLies(l Letter) bool {
	if j := s.jobs.all[l.Identity]; j != nil && j.folder().Folder() == l.From {
		return true
	}
	return s.nameIn(l.From, l) != ""
}

// whereNow returns the name of the letter's job where it was moved to, which is
// another one if its own was taken, or "" if it does not lie there.
func (s *Spool) whereNow(l Letter) string {
	if name := s.nameIn(l.Into, l); name != "" {
		return name
	}
	return disk.NameOf(filepath.Join(string(s.Tree), l.Into), l.Identity)
}

// nameIn returns the name of the letter's job if it lies in the folder under
// that name.
func (s *Spool) nameIn(folder string, l Letter) string {
	name, err := layout.NameOfID(l.JobID)
	if err != nil {
		return ""
	}
	f, err := disk.Lstat(filepath.Join(string(s.Tree), folder, name))
	if err != nil || f.Identity != l.Identity {
		return ""
	}
	return name
}
