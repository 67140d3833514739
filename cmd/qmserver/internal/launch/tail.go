package launch

import (
	"errors"

	"qm/cmd/qmserver/internal/folder"
	"qm/cmd/qmserver/internal/supervise"
)

// LogTail returns the last bytes of a job's log, read as its owner if jobs run
// as those. It blocks and may be called by several goroutines.
func (l *Local) LogTail(r folder.Ref, uid int) (string, error) {
	if l.accounts == nil {
		return folder.LogTail(r)
	}
	a, err := l.ask(r, uid, supervise.Task{Tail: &supervise.Tail{Ref: r}})
	switch {
	case err != nil:
		return "", err
	case a.Tail == nil:
		return "", errNoAnswer
	case a.Tail.Problem != "":
		return "", errors.New(a.Tail.Problem)
	}
	return a.Tail.Text, nil
}
