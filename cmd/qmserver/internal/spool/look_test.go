package spool

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"qm/cmd/qmserver/internal/folder"
	"qm/cmd/qmserver/internal/launch"
	"qm/pkg/layout"
)

// stuck is a launcher that does not return from readings of some folders, as
// on a disk that does not answer.
type stuck struct {
	*launch.Local
	prefix string
	free   chan struct{} // closed when the disk answers again
}

func (l *stuck) Look(r folder.Ref, uid int, jobFiles []string, all bool) folder.Look {
	if strings.HasPrefix(r.JobID, l.prefix) {
		<-l.free
	}
	return l.Local.Look(r, uid, jobFiles, all)
}

// TestReadingsThatDoNotReturn, more of them than there may be at once, are left
// alone, and told of; other jobs run, and those too once the disk answers.
func TestReadingsThatDoNotReturn(t *testing.T) {
	s := newServer(t)
	for i := range maxLooks + 2 {
		s.put(layout.Queued, fmt.Sprint("dead", i), "script = true")
	}
	s.put(layout.Queued, "good", "script = true")
	lock, err := TakeLock(s.tree)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	log := slog.New(slog.NewTextHandler(testLog{t}, nil))
	local, err := launch.NewLocal(s.tree, nil, nil, log)
	if err != nil {
		t.Fatal(err)
	}
	defer local.Close()
	dead := &stuck{local, "dead", make(chan struct{})}
	sp, err := New(s.opt, lock, dead, log)
	if err != nil {
		t.Fatal(err)
	}
	sp.patience = 100 * time.Millisecond
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := sp.Run(ctx)
		ended <- err
	}()
	s.await("the good one is done", func() bool { return s.where("good") == "done" })
	s.await("the others are told of", func() bool {
		n := 0
		for _, j := range s.queue().Jobs {
			if strings.Contains(j.Reason, "its disk does not answer") {
				n++
			}
		}
		return n == maxLooks+2
	})
	close(dead.free)
	for i := range maxLooks + 2 {
		s.await("the others are done", func() bool { return s.where(fmt.Sprint("dead", i)) == "done" })
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestALongQueue is read by its info files alone; of equal ones the first comes
// first, and one of a higher priority at its end goes before.
func TestALongQueue(t *testing.T) {
	s := newServer(t)
	s.opt.Slots = 1
	const many = 3 * ahead
	for i := range many {
		s.put(layout.Queued, fmt.Sprintf("job%03d", i), `script = echo "$QM_JOB" >>../../order`)
	}
	s.put(layout.Queued, "urgent", "priority = 1\n"+`script = echo "$QM_JOB" >>../../order`)
	s.put(layout.Queued, "refused", "nb_proc = none")
	made := time.Now()
	s.await("they are old", func() bool { return time.Since(made) > 2*oldFactor*s.opt.Settle })
	s.drain()
	order := strings.Fields(s.tell("order"))
	if len(order) != many+1 || order[0] != "urgent" {
		t.Fatalf("%d ran: %v", len(order), order)
	}
	for i, name := range order[1:] {
		if want := fmt.Sprintf("job%03d", i); name != want {
			t.Fatalf("at %d ran %s, want %s", i, name, want)
		}
	}
	if got := s.where("refused"); got != "lost" {
		t.Errorf("the refused one is in %q", got)
	}
}
