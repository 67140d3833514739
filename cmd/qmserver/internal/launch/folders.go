package launch

import (
	"errors"
	"fmt"
	"time"

	"qm/cmd/qmserver/internal/account"
	"qm/cmd/qmserver/internal/folder"
	"qm/cmd/qmserver/internal/proc"
	"qm/cmd/qmserver/internal/supervise"
)

// patience is how long a process of another user's may take to look at a
// folder of its own.
const patience = 30 * time.Second

// Look reads a job's folder, with all also what lies in its folders, as its
// owner if jobs run as those. It blocks and may be called by several goroutines.
func (l *Local) Look(r folder.Ref, uid int, jobFiles []string, all bool) folder.Look {
	if l.accounts == nil {
		return folder.LookAt(r, jobFiles, all)
	}
	a, err := l.ask(r, uid, supervise.Task{Look: &supervise.Look{Ref: r, JobFiles: jobFiles, All: all}})
	if err == nil && a.Look == nil {
		err = errNoAnswer
	}
	switch {
	case errors.Is(err, account.ErrUnknown):
		return folder.Look{Verdict: folder.Refused, Problem: fmt.Sprintf("its owner is no user of this machine (%v): chown the folder and drop it again", err)}
	case err != nil:
		return folder.Look{Failed: err.Error()}
	}
	return *a.Look
}

// LeaveReason writes into a job's folder why it is lost, as its owner if jobs
// run as those. It blocks and may be called by several goroutines.
func (l *Local) LeaveReason(r folder.Ref, uid int, why folder.Reason) error {
	if l.accounts == nil {
		return folder.LeaveReason(r, why)
	}
	a, err := l.ask(r, uid, supervise.Task{Leave: &supervise.Leave{Ref: r, Reason: why}})
	switch {
	case err != nil:
		return err
	case a.Left == nil:
		return errNoAnswer
	case a.Left.Problem != "":
		return errors.New(a.Left.Problem)
	}
	return nil
}

var errNoAnswer = errors.New("no answer from the process of the folder's owner")

func (l *Local) ask(r folder.Ref, uid int, task supervise.Task) (supervise.Answer, error) {
	if err := l.accounts.lookUp(uid); err != nil {
		return supervise.Answer{}, err
	}
	s, err := l.give(r.Identity, uid, func(string) supervise.Task { return task })
	if err != nil {
		return supervise.Answer{}, err
	}
	l.mu.Lock()
	reply := s.reply
	l.mu.Unlock()
	if reply == nil {
		return supervise.Answer{}, errNoAnswer
	}
	select {
	case a, ok := <-reply:
		if !ok {
			return a, errNoAnswer
		}
		return a, nil
	case <-time.After(patience):
		_ = proc.Kill(s.pid) // it has no job, and answers nobody
		return supervise.Answer{}, fmt.Errorf("%w in %s", errNoAnswer, patience)
	case <-l.closed:
		return supervise.Answer{}, errNoAnswer
	}
}
