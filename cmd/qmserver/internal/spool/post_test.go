package spool

import (
	"errors"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/pkg/layout"
)

// fakePost keeps letters, and what it is told of them.
type fakePost struct {
	kept  []Letter
	moved map[disk.Identity]string
	fails []error // of Write, one by one
}

func (p *fakePost) Write(Letter) error {
	if len(p.fails) == 0 {
		return nil
	}
	err := p.fails[0]
	p.fails = p.fails[1:]
	return err
}

func (p *fakePost) Moved(id disk.Identity, name string) {
	p.moved[id] = name
	p.kept = slices.DeleteFunc(p.kept, func(l Letter) bool { return l.Identity == id })
}
func (p *fakePost) Kept() []Letter               { return slices.Clone(p.kept) }
func (p *fakePost) Waiting() *layout.WaitingMail { return nil }

// TestSortPost: a letter goes out when its job has left the folder that it lay
// in, and tells where it lies.
func TestSortPost(t *testing.T) {
	s := newServer(t)
	post := &fakePost{moved: make(map[disk.Identity]string)}
	sp := &Spool{Options: s.opt, jobs: newJobs(false)}
	sp.Post = post
	sp.sortPost() // without any
	want := make(map[disk.Identity]string)
	add := func(name string, lies layout.State, as string) disk.Identity {
		id := s.put(lies, as, "script = true")
		post.kept = append(post.kept, Letter{Identity: id, JobID: layout.ID(name), From: layout.Running.Folder(), Into: layout.Done.Folder()})
		return id
	}
	add("stays", layout.Running, "stays")
	known := add("renamed", layout.Running, "under another name")
	sp.jobs.add(&job{Identity: known, name: "under another name", phase: running})
	want[add("moved", layout.Done, "moved")] = "moved"
	want[add("stamped", layout.Done, "stamped-20261122-131502")] = "stamped-20261122-131502"
	want[add("rerun", layout.Queued, "rerun")] = ""
	want[add("parked", layout.Lost, "parked")] = ""
	want[add("twin", layout.Done, "twin")] = "twin"
	s.put(layout.Running, "twin", "script = true") // another one of that name
	gone := add("gone", layout.Running, "gone")
	want[gone] = ""
	if err := os.RemoveAll(s.tree.Job(layout.Running, "gone")); err != nil {
		t.Fatal(err)
	}
	want[add("%2e%2e", layout.Done, "odd %")] = "odd %"
	post.kept[len(post.kept)-1].JobID = ".." // a damaged one
	for range 2 {
		sp.sortPost()
	}
	if len(post.moved) != len(want) || len(post.kept) != 2 {
		t.Errorf("%v, kept %+v", post.moved, post.kept)
	}
	for id, name := range want {
		if got, there := post.moved[id]; !there || got != name {
			t.Errorf("%v: moved to %q, %t, want %q", id, got, there, name)
		}
	}
}

// TestALetterThatCantBeWritten: a full disk holds the job back until there is
// room; any other fault costs the letter alone.
func TestALetterThatCantBeWritten(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		late bool
	}{
		"full":   {syscall.ENOSPC, true},
		"broken": {errors.New("no such thing"), false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			s.opt.Post = &fakePost{moved: make(map[disk.Identity]string), fails: []error{c.err}}
			s.put(layout.Queued, "a", "e_mail = me@example.org\nscript = true")
			begin := time.Now()
			s.drain()
			if got := s.where("a"); got != "done" {
				t.Errorf("it is in %q", got)
			}
			if c.late && time.Since(begin) < firstPause {
				t.Error("it did not wait for room")
			}
		})
	}
}
