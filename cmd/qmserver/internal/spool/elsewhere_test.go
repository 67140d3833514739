package spool

import (
	"encoding/json"
	"os"
	"sync"
	"testing"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/launch"
	"qm/cmd/qmserver/internal/runfile"
	"qm/cmd/qmserver/internal/supervise"
	"qm/pkg/layout"
)

// farLauncher is given jobs for other machines, and runs none: how they are is
// what a test says.
type farLauncher struct {
	*launch.Local
	events chan launch.Event

	mu      sync.Mutex
	given   map[string]supervise.Job // by name
	stopped map[disk.Identity]bool
	adopted map[disk.Identity]bool
}

func (f *farLauncher) Events() <-chan launch.Event { return f.events }

func (f *farLauncher) Start(job supervise.Job, _ int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	name, err := job.Name()
	f.given[name] = job
	return err
}

func (f *farLauncher) Stop(id disk.Identity) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped[id] = true
	return nil
}

func (f *farLauncher) Adopt(_ string, id disk.Identity) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.adopted[id] = true
	return nil
}

// job returns what was told of a job, its name empty if nothing was.
func (f *farLauncher) job(name string) supervise.Job {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.given[name]
}

func (f *farLauncher) has(name string) bool { return f.job(name).Attempt > 0 }

func (f *farLauncher) adopts(id disk.Identity) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.adopted[id]
}

func (f *farLauncher) stops(name string) bool {
	id := f.job(name).Identity
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stopped[id]
}

func (f *farLauncher) says(name, words string, began time.Time) {
	f.events <- launch.Event{Identity: f.job(name).Identity, State: &launch.State{Words: words, Began: began}}
}

// ends tells that a job has ended, from when to when it ran.
func (f *farLauncher) ends(name string, end runfile.End, ran launch.Span) {
	id := f.job(name).Identity
	f.events <- launch.Event{Identity: id, Ran: ran, Ended: supervise.Ended{Identity: id, End: end}}
}

// newFarServer is a server whose jobs run elsewhere, so many at a time.
func newFarServer(t *testing.T, most int) (*server, *farLauncher) {
	s := newServer(t)
	s.opt.Elsewhere, s.opt.Slots, s.opt.Launch = true, most, "slurm"
	f := &farLauncher{
		events: make(chan launch.Event), given: make(map[string]supervise.Job),
		stopped: make(map[disk.Identity]bool), adopted: make(map[disk.Identity]bool),
	}
	s.instead = func(l *launch.Local) Launcher {
		f.Local = l
		return f
	}
	return s, f
}

// words is what queue.json tells of a running job.
func (s *server) words(name string) layout.RunningJob {
	s.t.Helper()
	for _, r := range s.queue().Running {
		if r.ID == layout.ID(name) {
			return r
		}
	}
	return layout.RunningJob{}
}

func (s *server) heartbeat() layout.Heartbeat {
	s.t.Helper()
	var h layout.Heartbeat
	data, err := os.ReadFile(s.tree.Path(layout.HeartbeatFile))
	if err == nil {
		err = json.Unmarshal(data, &h)
	}
	if err != nil {
		s.t.Error(err)
	}
	return h
}

var succeeded = runfile.End{Outcome: layout.Succeeded, ExitCode: new(int)}

// TestElsewhere: as many as may be are given away, whatever they ask for, and
// what is heard of them is told.
func TestElsewhere(t *testing.T) {
	s, far := newFarServer(t, 2)
	s.start()
	s.put(layout.Queued, "a", "script = x\nnb_proc = 64\nnb_gpu = 3\nmemory = 900T\npriority = 2")
	s.await("the first is given away", func() bool { return far.has("a") })
	if job := far.job("a"); job.NbProc != 64 || job.Elsewhere.NbGPU != 3 || job.Memory == 0 || len(job.Notes) > 0 || job.Proof == 0 {
		t.Errorf("it is told of %+v", job)
	}
	s.put(layout.Queued, "b", "script = x\npriority = 1")
	s.await("the second, too", func() bool { return far.has("b") })
	s.put(layout.Queued, "c", "script = x")
	s.await("the third waits", func() bool { return s.reason("c") == "2 jobs are with Slurm (slurm_max_in_flight)" })
	s.await("nothing is known of the first", func() bool { return s.words("a").Words == givenWords })
	began := time.Now().Add(-time.Minute).Round(time.Second)
	far.says("a", "running on node2, Slurm job 4711", began)
	far.says("b", "waiting in Slurm: Resources", time.Time{})
	s.await("how they are is told", func() bool {
		return s.words("a").Words == "running on node2, Slurm job 4711" && s.words("b").Words == "waiting in Slurm: Resources"
	})
	if a, b := s.words("a"), s.words("b"); !a.Started.Equal(began) || !b.Started.IsZero() || a.Arrived.IsZero() {
		t.Errorf("a: %+v, b: %+v", a, b)
	}
	if h := s.heartbeat(); h.Slots != 2 || h.SlotsUsed != 2 {
		t.Errorf("the heartbeat tells %d of %d", h.SlotsUsed, h.Slots)
	}
	far.ends("b", runfile.End{Outcome: layout.Stopped, Reason: "STOP"}, launch.Span{})
	s.await("the third follows", func() bool { return far.has("c") && s.where("b") == "done" })
	far.ends("a", succeeded, launch.Span{From: began, To: began.Add(time.Second)})
	far.ends("c", succeeded, launch.Span{From: began, To: began.Add(time.Second)})
	s.await("all are done", func() bool { return s.where("a") == "done" && s.where("c") == "done" })
	s.end()
}

// TestElsewhereIsSilent: what is there stays as it is, with since when nothing
// was heard of it, and nothing more is given away.
func TestElsewhereIsSilent(t *testing.T) {
	s, far := newFarServer(t, 9)
	s.start()
	s.put(layout.Queued, "a", "script = x")
	s.await("one is given away", func() bool { return far.has("a") })
	since := time.Now().Add(-time.Minute).Round(time.Second)
	far.events <- launch.Event{Contact: &launch.Contact{Since: since, Reason: "Slurm does not answer: it is asleep"}}
	s.await("that is told", func() bool { return s.queue().Silent.Equal(since) })
	s.put(layout.Queued, "b", "script = x")
	s.await("the next waits", func() bool { return s.reason("b") == "Slurm does not answer: it is asleep" })
	if p := s.heartbeat().Problems; len(p) != 1 || p[0] != "Slurm does not answer: it is asleep" {
		t.Errorf("problems %q", p)
	}
	if far.has("b") || s.where("a") != "running" {
		t.Errorf("b is given away: %v; a is %s", far.has("b"), s.where("a"))
	}
	far.events <- launch.Event{Contact: &launch.Contact{}}
	s.await("the next is given away", func() bool { return far.has("b") })
	s.await("that is told", func() bool { return s.queue().Silent.IsZero() && len(s.heartbeat().Problems) == 0 })
	s.end()
}

// TestElsewhereIsAdopted: a run there goes on whatever server lives, and counts.
func TestElsewhereIsAdopted(t *testing.T) {
	s, far := newFarServer(t, 1)
	id := s.put(layout.Running, "a", "script = x")
	if err := os.MkdirAll(s.tree.Path(layout.RunDir), 0o755); err != nil {
		t.Fatal(err)
	}
	s.writeRun(id, []runfile.Line{{Event: runfile.Starting, At: time.Now().Add(-time.Hour), Token: "x", NbProc: 8, Attempt: 1}})
	s.put(layout.Queued, "b", "script = x")
	s.start()
	s.await("it is adopted", func() bool { return far.adopts(id) })
	s.await("that is told", func() bool { return s.words("a").Words == adoptedWords })
	s.await("the other waits for it", func() bool { return s.reason("b") == "1 job is with Slurm (slurm_max_in_flight)" })
	far.events <- launch.Event{Identity: id, Ended: supervise.Ended{Identity: id, End: succeeded}}
	s.await("it is done", func() bool { return s.where("a") == "done" && far.has("b") })
	s.end()
}

// TestNotAgainUnasked: rerun does not count where something of the job may live
// on, and counts where not.
func TestNotAgainUnasked(t *testing.T) {
	s, far := newFarServer(t, 9)
	s.start()
	for _, name := range []string{"again", "stays"} {
		s.put(layout.Queued, name, "script = x\nrerun = yes")
	}
	s.await("they are given away", func() bool { return far.has("again") && far.has("stays") })
	lost := runfile.End{Outcome: layout.Interrupted, Reason: "lost with node1"}
	id := far.job("stays").Identity
	far.events <- launch.Event{Identity: id, Stay: true, Ended: supervise.Ended{Identity: id, End: lost}}
	far.ends("again", lost, launch.Span{})
	s.await("one runs again", func() bool { return far.job("again").Attempt == 2 })
	s.await("the other does not", func() bool { return s.where("stays") == "lost" })
	s.end()
}

// TestElsewhereTakenAway: what was dragged out of QM_Jobs stays where it was
// put, once the launcher has stopped it.
func TestElsewhereTakenAway(t *testing.T) {
	s, far := newFarServer(t, 9)
	s.start()
	s.put(layout.Queued, "a", "script = x")
	s.await("it is given away", func() bool { return far.has("a") })
	s.drag(layout.Running, layout.Lost, "a")
	far.ends("a", runfile.End{Outcome: layout.Stopped, Reason: "its folder was taken away"}, launch.Span{})
	s.await("nothing runs", func() bool { return s.heartbeat().SlotsUsed == 0 })
	if got := s.where("a"); got != "lost" {
		t.Errorf("it is in %q", got)
	}
	s.end()
}

// TestElsewhereIsStopped by the operator: all that is there.
func TestElsewhereIsStopped(t *testing.T) {
	s, far := newFarServer(t, 9)
	s.start()
	s.put(layout.Queued, "a", "script = x")
	s.await("it is given away", func() bool { return far.has("a") })
	(<-s.spool).Interrupt(true)
	s.await("it is to be stopped", func() bool { return far.stops("a") })
	far.ends("a", runfile.End{Outcome: layout.Stopped}, launch.Span{})
	if err := <-s.ended; err != nil || s.where("a") != "done" {
		t.Errorf("%v; it is in %q", err, s.where("a"))
	}
}

// TestLettersFromElsewhere tell when the job ran there, not when it was given
// away.
func TestLettersFromElsewhere(t *testing.T) {
	s, far := newFarServer(t, 9)
	letters := newLetterBox()
	s.opt.Post = letters
	s.start()
	for _, name := range []string{"ran", "cancelled"} {
		s.put(layout.Queued, name, "script = x\ne_mail = me@example.org")
	}
	s.await("they are given away", func() bool { return far.has("ran") && far.has("cancelled") })
	from := time.Now().Add(-time.Hour).Round(time.Second)
	far.ends("ran", succeeded, launch.Span{From: from, To: from.Add(time.Minute)})
	far.ends("cancelled", runfile.End{Outcome: layout.Stopped}, launch.Span{})
	s.await("both are done", func() bool { return s.where("ran") == "done" && s.where("cancelled") == "done" })
	s.end()
	if l := letters.about("ran"); !l.Started.Equal(from) || !l.Ended.Equal(from.Add(time.Minute)) {
		t.Errorf("it ran from %v to %v", l.Started, l.Ended)
	}
	if l := letters.about("cancelled"); !l.Started.IsZero() || l.Ended.IsZero() {
		t.Errorf("it never ran, from %v to %v", l.Started, l.Ended)
	}
}

// letterBox keeps letters.
type letterBox struct {
	mu  sync.Mutex
	all map[string]Letter
}

func newLetterBox() *letterBox { return &letterBox{all: make(map[string]Letter)} }

func (b *letterBox) Write(l Letter) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all[l.JobID] = l
	return nil
}

func (b *letterBox) about(name string) Letter {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all[layout.ID(name)]
}

func (b *letterBox) Moved(disk.Identity, string)  {}
func (b *letterBox) Kept() []Letter               { return nil }
func (b *letterBox) Waiting() *layout.WaitingMail { return nil }
