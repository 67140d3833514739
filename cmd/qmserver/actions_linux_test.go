package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"qm/pkg/layout"
)

// acted is the job of the storm of actions: it tells of a second run at the
// same time, and fails if it was started before it was whole.
const acted = "[QMOptions]\nscript = mkdir lock || echo $QM_JOB >>../../../twice; sleep 0.02; rmdir lock; grep -q all whole\npriority = %d\n"

// actor is a user who does whatever comes to mind.
type actor struct {
	*live
	rand *rand.Rand
	name string

	drops   int
	deleted map[string]bool // by id
}

// TestActions has some users do what users may do with a queue, at random and
// all at once: in the end each job lies in one folder, has run whole, and never
// twice at the same time.
func TestActions(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some ten seconds: not with -short")
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	l := newLive(t, "settle_time = 0.2\npoll_interval = 0.1\n")
	var all sync.WaitGroup
	actors := make([]*actor, 4)
	end := time.Now().Add(10 * time.Second)
	for i := range actors {
		a := &actor{live: l, rand: rand.New(rand.NewPCG(seed, uint64(i))), name: fmt.Sprint("user", i), deleted: make(map[string]bool)}
		actors[i] = a
		all.Go(func() {
			for time.Now().Before(end) {
				a.act()
				time.Sleep(time.Duration(a.rand.IntN(20)) * time.Millisecond)
			}
		})
	}
	all.Wait()
	l.releaseAll()
	l.check(actors)
}

func (a *actor) act() {
	switch n := a.rand.IntN(20); {
	case n < 4:
		a.moveIn()
	case n < 7:
		a.copyIn()
	case n < 9:
		a.renameOne()
	case n < 11:
		a.hold()
	case n < 14:
		a.release()
	case n < 15:
		a.edit()
	case n < 16:
		a.remove()
	case n < 19:
		a.dragBack()
	default:
		a.pause()
	}
}

// try fails the test unless the job was only taken away in the meantime.
func (a *actor) try(err error) bool {
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) {
		a.t.Error(err)
	}
	return err == nil
}

func (a *actor) newID() string {
	a.drops++
	return fmt.Sprint(a.name, "-job", a.drops)
}

func (a *actor) info() string { return fmt.Sprintf(acted, a.rand.IntN(3)) }

// moveIn makes a job elsewhere and moves it in.
func (a *actor) moveIn() {
	id := a.newID()
	a.write(filepath.Join(id, "id"), id)
	a.write(filepath.Join(id, "whole"), "all\n")
	a.write(filepath.Join(id, "proc_config.cfg"), a.info())
	a.try(os.Rename(filepath.Join(a.dir, id), a.tree.Job(layout.Queued, id)))
}

// copyIn makes one in the queue, slowly, and goes on wherever it is moved.
func (a *actor) copyIn() {
	id := a.newID()
	if !a.try(os.Mkdir(a.tree.Job(layout.Queued, id), 0o755)) {
		return
	}
	dir, err := os.OpenRoot(a.tree.Job(layout.Queued, id))
	if err != nil { // renamed or removed by another: it has no id
		a.drops--
		return
	}
	defer dir.Close()
	f, err := dir.Create("whole")
	if err != nil {
		return
	}
	defer f.Close() // what is open is still being copied
	a.try(dir.WriteFile("id", []byte(id), 0o600))
	a.try(dir.WriteFile("proc_config.cfg", []byte(a.info()), 0o600))
	time.Sleep(time.Duration(a.rand.IntN(600)) * time.Millisecond)
	_, err = f.WriteString("all\n")
	a.try(err)
}

// one returns a job of the folder, or "".
func (a *actor) one(state layout.State) string {
	ids, _ := filepath.Glob(filepath.Join(a.tree.Folder(state), "*", "id"))
	if len(ids) == 0 {
		return ""
	}
	return filepath.Dir(ids[a.rand.IntN(len(ids))])
}

func (a *actor) renameOne() {
	if job := a.one(layout.Queued); job != "" {
		a.try(os.Rename(job, filepath.Join(filepath.Dir(job), a.name+fmt.Sprint("-renamed", a.rand.Uint32()))))
	}
}

func (a *actor) hold() {
	if job := a.one(layout.Queued); job != "" {
		a.try(os.WriteFile(filepath.Join(job, "HOLD"), nil, 0o600))
	}
}

func (a *actor) release() {
	if job := a.one(layout.Queued); job != "" {
		a.try(os.Remove(filepath.Join(job, "HOLD")))
	}
}

// edit replaces an info file as editors do.
func (a *actor) edit() {
	job := a.one(layout.Queued)
	if job == "" {
		return
	}
	temp := filepath.Join(job, a.name+".swp")
	if a.try(os.WriteFile(temp, []byte(a.info()), 0o600)) {
		a.try(os.Rename(temp, filepath.Join(job, "proc_config.cfg")))
	}
}

// remove takes a job away for good.
func (a *actor) remove() {
	job := a.one(layout.Queued)
	away := filepath.Join(a.dir, a.name+fmt.Sprint("-removed", a.rand.Uint32()))
	if job != "" && a.try(os.Rename(job, away)) {
		id, err := os.ReadFile(filepath.Join(away, "id"))
		a.try(err)
		a.deleted[string(id)] = true
	}
}

func (a *actor) dragBack() {
	if job := a.one(layout.Done); job != "" {
		a.try(os.Rename(job, a.tree.Job(layout.Queued, filepath.Base(job))))
	}
}

func (a *actor) pause() {
	file := a.tree.Job(layout.Queued, "PAUSE")
	if a.try(os.WriteFile(file, nil, 0o600)) {
		time.Sleep(time.Duration(a.rand.IntN(100)) * time.Millisecond)
		a.try(os.Remove(file))
	}
}

// releaseAll lets all go to its end.
func (l *live) releaseAll() {
	_ = os.Remove(l.tree.Job(layout.Queued, "PAUSE"))
	l.await("all are done", func() bool {
		held, _ := filepath.Glob(filepath.Join(l.tree.Folder(layout.Queued), "*", "HOLD"))
		for _, file := range held {
			_ = os.Remove(file)
		}
		for _, state := range []layout.State{layout.Queued, layout.Running} {
			if left, err := os.ReadDir(l.tree.Folder(state)); err != nil || len(left) > 0 {
				return false
			}
		}
		return true
	})
}

// check looks at what must hold after all is over.
func (l *live) check(actors []*actor) {
	deleted := make(map[string]bool)
	drops := 0
	for _, a := range actors {
		for id := range a.deleted {
			deleted[id] = true
		}
		drops += a.drops
	}
	jobs := l.jobs()
	for id, at := range jobs {
		if len(at) != 1 || deleted[id] || at[0].state != layout.Done || !strings.HasSuffix(at[0].log, "with code 0\n") {
			l.t.Errorf("job %s: removed %v, in %d places: %+v", id, deleted[id], len(at), at)
		}
	}
	if len(jobs)+len(deleted) != drops {
		l.t.Errorf("%d jobs are there and %d were removed of %d", len(jobs), len(deleted), drops)
	}
	if twice := l.read("twice"); twice != "" {
		l.t.Errorf("these ran twice at once: %s", twice)
	}
	if bytes.Contains([]byte(l.stderr()), []byte("DATA RACE")) {
		l.t.Error("the server has a data race")
	}
	l.t.Logf("%d jobs, %d removed", drops, len(deleted))
	if l.t.Failed() {
		l.t.Log(tail(l.stderr()))
	}
}

func (l *live) read(name string) string {
	data, _ := os.ReadFile(filepath.Join(l.dir, name))
	return string(data)
}
