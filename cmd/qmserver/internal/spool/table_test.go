package spool

import (
	"errors"
	"testing"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/launch"
	"qm/cmd/qmserver/internal/runfile"
	"qm/pkg/layout"
)

// TestTheTableHasAllRows: what the run files can say is a row, and nothing else.
func TestTheTableHasAllRows(t *testing.T) {
	for s := saidNothing; s <= saidInterrupted; s++ {
		if _, ok := recovery[s]; !ok {
			t.Errorf("no row for %d", s)
		}
	}
	if len(recovery) != int(saidInterrupted)+1 {
		t.Errorf("%d rows", len(recovery))
	}
}

func TestJudge(t *testing.T) {
	const owner = 1000
	id, other := disk.Identity{Inode: 1}, disk.Identity{Inode: 2}
	run := func(held bool, lines map[disk.Identity]runfile.Event) runfile.Run {
		r := runfile.Run{Name: "r", UID: runfile.Anyones, Held: held, Last: map[disk.Identity]runfile.Line{}}
		for id, e := range lines {
			l := runfile.Line{Event: e, Identity: id}
			if e == runfile.Ended {
				l.End = &runfile.End{Outcome: layout.Stopped}
			}
			r.Last[id] = l
		}
		return r
	}
	interrupted := run(false, nil)
	interrupted.Last[id] = runfile.Line{Event: runfile.Ended, End: &runfile.End{Outcome: layout.Interrupted}}
	of := func(uid int, r runfile.Run) runfile.Run { r.UID = uid; return r }
	type lines = map[disk.Identity]runfile.Event
	broken := errors.New("broken")
	for _, test := range []struct {
		what   string
		runs   []runfile.Run
		broken error
		want   said
	}{
		{"no file", nil, nil, saidNothing},
		{"a file of another folder", []runfile.Run{run(true, lines{other: runfile.Starting})}, nil, saidNothing},
		{"a file that can't be read", []runfile.Run{run(true, lines{other: runfile.Starting})}, broken, saidUnreadable},
		{"starting, held", []runfile.Run{run(true, lines{id: runfile.Starting})}, nil, saidRunning},
		{"starting, free", []runfile.Run{run(false, lines{id: runfile.Starting})}, nil, saidCut},
		{"starting, free, another can't be read", []runfile.Run{run(false, lines{id: runfile.Starting})}, broken, saidCut},
		{"ended, held", []runfile.Run{run(true, lines{id: runfile.Ended})}, nil, saidEnded},
		{"ended, free", []runfile.Run{run(false, lines{id: runfile.Ended})}, nil, saidEnded},
		{"interrupted", []runfile.Run{interrupted}, nil, saidInterrupted},
		{"released", []runfile.Run{run(true, lines{id: runfile.Released})}, nil, saidNothing},
		{"released and started elsewhere", []runfile.Run{run(true, lines{id: runfile.Released}), run(true, lines{id: runfile.Starting})}, nil, saidRunning},
		{"of the owner's supervisor", []runfile.Run{of(owner, run(true, lines{id: runfile.Starting}))}, nil, saidRunning},
		{"of another's", []runfile.Run{of(1001, run(true, lines{id: runfile.Starting})), of(0, run(false, lines{id: runfile.Ended}))}, nil, saidNothing},
		{"ended and started elsewhere", []runfile.Run{run(true, lines{id: runfile.Starting}), run(true, lines{id: runfile.Ended})}, nil, saidRunning},
	} {
		runs := launch.Runs{Files: test.runs, Broken: test.broken}
		if test.broken != nil {
			runs.Unread = []int{runfile.Anyones}
		}
		if got := judge(runs, id, owner); got.said != test.want {
			t.Errorf("%s: %d, want %d", test.what, got.said, test.want)
		}
	}
}

// TestJudgeNewestElsewhere: of two runs on other machines that have begun the last
// counts, whichever file is read first.
func TestJudgeNewestElsewhere(t *testing.T) {
	id := disk.Identity{Inode: 1}
	run := func(token string, at int64) runfile.Run {
		return runfile.Run{Name: token, UID: runfile.Anyones, Last: map[disk.Identity]runfile.Line{
			id: {Event: runfile.Starting, Identity: id, Token: token, At: time.Unix(at, 0)},
		}}
	}
	for _, files := range [][]runfile.Run{{run("old", 1), run("new", 2)}, {run("new", 2), run("old", 1)}} {
		if v := judge(launch.Runs{Files: files}, id, 0); v.said != saidRunning || v.line.Token != "new" {
			t.Errorf("%d, %s", v.said, v.line.Token)
		}
	}
}
