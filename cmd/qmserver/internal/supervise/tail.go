package supervise

import "qm/cmd/qmserver/internal/folder"

// Tail is to read the end of a job's log; see folder.LogTail.
type Tail struct{ folder.Ref }

// LogTail is the end of a log, or why it can't be read.
type LogTail struct {
	Text    string `json:"text,omitempty"`
	Problem string `json:"problem,omitempty"`
}

func (s *supervisor) tail(task parcel) error {
	t, err := unpack[Tail](task.Tail)
	if err != nil {
		return err
	}
	var tail LogTail
	if tail.Text, err = folder.LogTail(t.Ref); err != nil {
		tail.Problem = err.Error()
	}
	s.answer(otherAnswer{Tail: &tail, Worn: s.memory.worn()})
	return nil
}
