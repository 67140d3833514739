package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"qm/pkg/layout"
)

// tree is a QM_FOLDER with invented jobs, for looking at the pages. Its numbers
// come out the same each time.
type tree struct {
	t    *testing.T
	path string
	rand *rand.Rand
	now  time.Time
}

func newTree(t *testing.T) *tree {
	t.Helper()
	chromium.start(t) // or skip before the work
	tr := &tree{t: t, path: filepath.Join(t.TempDir(), "QM"), rand: rand.New(rand.NewPCG(1, 2)), now: time.Now()}
	for _, st := range layout.States {
		tr.must(os.MkdirAll(layout.Tree(tr.path).Folder(st), 0o755))
	}
	tr.must(os.MkdirAll(filepath.Join(tr.path, layout.Own), 0o755))
	return tr
}

func (tr *tree) must(err error) {
	tr.t.Helper()
	if err != nil {
		tr.t.Fatal(err)
	}
}

// write makes a file in the tree. A name that the file system does not take is
// left out.
func (tr *tree) write(content string, elems ...string) {
	tr.t.Helper()
	path := filepath.Join(append([]string{tr.path}, elems...)...)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		tr.t.Logf("not made: %v", err)
		return
	}
	tr.must(os.WriteFile(path, []byte(content), 0o644))
}

func (tr *tree) writeJSON(v any, elems ...string) {
	tr.t.Helper()
	data, err := json.Marshal(v)
	tr.must(err)
	tr.write(string(data), elems...)
}

// beat writes the heartbeat of a server, and changes it every half second until
// the test ends, as a server that lives does.
func (tr *tree) beat(h layout.Heartbeat) {
	write := func() {
		h.Beat = time.Now()
		data, _ := json.Marshal(h)
		fresh := filepath.Join(tr.path, "fresh.tmp")
		if os.WriteFile(fresh, data, 0o644) == nil {
			_ = os.Rename(fresh, filepath.Join(tr.path, layout.HeartbeatFile))
		}
	}
	write()
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-end:
				return
			case <-tick.C:
				write()
			}
		}
	}()
	tr.t.Cleanup(func() { close(end); <-ended })
}

// idle is a server that has nothing to do.
func (tr *tree) idle() layout.Heartbeat {
	h := tr.server()
	h.SlotsUsed, h.GPUsUsed, h.Load1 = 0, 0, new(.03)
	return h
}

func (tr *tree) server() layout.Heartbeat {
	return layout.Heartbeat{
		Host: "lab1", PID: 4711, Version: "v0.5.0", Started: tr.now.Add(-77 * time.Hour), Slots: 16, SlotsUsed: 13, GPUs: 2, GPUsUsed: 1, Launch: "non-blocking",
		Load1: new(11.84), DiskFree: new(int64(412 << 30)), DiskTotal: new(int64(1863 << 30)),
	}
}

// fake is an invented job. What is zero is left out.
type fake struct {
	state         layout.State
	name          string
	owner, info   string
	script        string
	procs         int
	started, took time.Duration // started so long ago
	outcome       layout.Outcome
	code, signal  int
	reason        string
	log           string
	noRecord      bool
}

// add puts a job into the tree.
func (tr *tree) add(f fake) {
	tr.t.Helper()
	folder := f.state.Folder()
	script := f.script
	if script == "" {
		script = "python3 fit.py --all"
	}
	cfg := fmt.Sprintf("[QMOptions]\nscript : %s\nnb_proc : %d\n", script, max(f.procs, 1))
	if f.owner != "" {
		cfg += "e_mail : " + f.owner + "\n"
	}
	if f.info != "" {
		cfg += "info : " + f.info + "\n"
	}
	tr.write(cfg, folder, f.name, "proc_config.cfg")
	if f.log != "" {
		tr.write(f.log, folder, f.name, layout.JobLog)
	}
	if f.state == layout.Queued || f.noRecord {
		return
	}
	tr.writeJSON(tr.record(f, script), folder, f.name, layout.RecordFile)
}

// private puts a job there whose owner lets nobody look into it.
func (tr *tree) private(f fake) {
	tr.t.Helper()
	tr.add(f)
	dir := filepath.Join(tr.path, f.state.Folder(), f.name)
	tr.must(os.Chmod(dir, 0))
	tr.t.Cleanup(func() { _ = os.Chmod(dir, 0o700) }) // so that it can be removed
}

func (tr *tree) record(f fake, script string) *layout.Record {
	started := tr.now.Add(-f.started)
	submitted := started.Add(-time.Duration(tr.rand.IntN(7200)) * time.Second)
	rec := &layout.Record{Name: f.name, Script: &script, Host: new("lab1"), NbProc: &f.procs, Submitted: &submitted, Claimed: &started, Started: &started, Attempt: 1}
	if f.owner != "" {
		rec.Owner = &f.owner
	}
	for i := range f.procs {
		rec.CPUs = append(rec.CPUs, i)
	}
	if f.state == layout.Running {
		return rec
	}
	finished := started.Add(f.took)
	outcome := f.outcome
	rec.Finished, rec.Outcome = &finished, &outcome
	if f.reason != "" {
		rec.Reason = &f.reason
	}
	if outcome == layout.Rejected {
		rec.Started, rec.Claimed, rec.CPUs, rec.NbProc = nil, nil, nil, nil
		return rec
	}
	used := f.took.Seconds() * float64(f.procs) * (.4 + .55*tr.rand.Float64())
	peak := int64(tr.rand.IntN(4000)+50) << 20
	rec.CPUSeconds, rec.PeakMemoryBytes = &used, &peak
	switch {
	case f.signal != 0:
		rec.Signal = &f.signal
	case outcome == layout.Succeeded || outcome == layout.Failed:
		rec.ExitCode = &f.code
	}
	return rec
}

// wait puts jobs into the queue, and writes why they wait.
func (tr *tree) wait(notes []layout.Note, jobs ...fake) {
	tr.t.Helper()
	q := layout.Queue{Written: tr.now, Notes: notes}
	position := 0
	for i, f := range jobs {
		f.state = layout.Queued
		tr.add(f)
		if len(q.Jobs) == layout.MaxQueueJobs {
			continue
		}
		qj := layout.QueueJob{ID: layout.ID(f.name), Arrived: tr.now.Add(-time.Duration(i+1) * 97 * time.Second), Reason: f.reason}
		if qj.Arriving = strings.HasPrefix(f.reason, "arriving"); !qj.Arriving {
			position++
			qj.Position = position
		}
		q.Jobs = append(q.Jobs, qj)
	}
	q.Waiting = position
	tr.writeJSON(q, layout.QueueFile)
}

const tqdm = "\r 40%|████      | 20/50 [00:10<00:15,  2.00it/s]\r 42%|████▏     | 21/50 [00:10<00:14,  2.00it/s]"

// colours is a log that uses all that a terminal can.
func colours() string {
	var b strings.Builder
	b.WriteString("Job started by QM at: 2026-11-22T13:15:02+01:00\nlab1, user anna, folder /srv/QM/QM_Jobs/fit, 4 processors\n\n")
	for fore := range 16 {
		code := 30 + fore
		if fore > 7 {
			code = 82 + fore
		}
		fmt.Fprintf(&b, "\x1b[%dmcolour %2d\x1b[0m \x1b[1;%dmbold\x1b[0m \x1b[7;%dminverse\x1b[0m", code, fore, code, code)
		for back := range 8 {
			fmt.Fprintf(&b, " \x1b[%d;%dm on %d \x1b[0m", code, 40+back, back)
		}
		b.WriteByte('\n')
	}
	b.WriteString("\x1b[2mdim\x1b[0m \x1b[3mitalic\x1b[0m \x1b[4munderlined\x1b[0m \x1b[7minverse\x1b[0m \x1b[38;5;208morange\x1b[0m \x1b[38;2;120;80;220mviolet\x1b[0m\n")
	b.WriteString("\x1b[32mINFO\x1b[0m  reading spectra/march_*.dat\n\x1b[33mWARN\x1b[0m  spike at 1043.2 cm-1 removed\n\x1b[31mERROR\x1b[0m no baseline for sample 17, skipped\n")
	return b.String()
}

// few is a tree with some jobs of each kind, as on an ordinary morning.
func (tr *tree) few() {
	tr.beat(tr.server())
	const anna, ben, mei = "anna@example.org", "ben@example.org", "mei@example.org"
	tr.add(fake{state: layout.Running, name: "fit_march_series", owner: anna, info: "Fit of the March series, all samples", procs: 4, started: 42 * time.Minute, log: colours() + "fitting sample 21" + tqdm})
	tr.add(fake{state: layout.Running, name: "render_shot_042", owner: mei, info: "Final frames", script: "blender -b shot.blend -a", procs: 8, started: 5 * time.Hour, log: "Fra:812 Mem:2310M\nframe 812 / 1200\n"})
	tr.add(fake{state: layout.Running, name: "md_water_300K", owner: ben, script: "./run.sh", procs: 1, started: 90 * time.Second, log: "equilibrating ...\n"})
	tr.wait([]layout.Note{{Folder: "QM_qJobs", ID: "notes.txt", Text: "a file, not a folder: put it into a folder together with an info file"}},
		fake{name: "fit_april_series", owner: anna, info: "Fit of the April series", procs: 4, reason: "waits for 4 processors, 3 are free"},
		fake{name: "render_shot_043", owner: mei, procs: 8, reason: "behind fit_april_series"},
		fake{name: "render_shot_044", owner: mei, procs: 8, reason: "held: remove the file HOLD from its folder"},
		fake{name: "spectra_2026_11", owner: ben, procs: 1, reason: "arriving: its files changed 1 s ago"})
	done := []fake{
		{name: "fit_february_series", owner: anna, info: "Fit of the February series", procs: 4, started: 3 * time.Hour, took: 47 * time.Minute, outcome: layout.Succeeded, log: colours()},
		{name: "render_shot_041", owner: mei, info: "Final frames", procs: 8, started: 9 * time.Hour, took: 6*time.Hour + 12*time.Minute, outcome: layout.Succeeded, log: "frame 1200 / 1200\n"},
		{name: "calibration", owner: ben, procs: 1, started: 20 * time.Minute, took: 12 * time.Second, outcome: layout.Failed, code: 3, log: "Traceback (most recent call last):\n  File \"calibrate.py\", line 12, in <module>\nFileNotFoundError: lamp.dat\n"},
		{name: "md_water_280K", owner: ben, procs: 2, started: 26 * time.Hour, took: 24 * time.Hour, outcome: layout.TimedOut, signal: 15, reason: "stopped by its time limit of 24 h", log: "step 91200 / 100000\n"},
		{name: "md_test", owner: ben, procs: 2, started: 30 * time.Hour, took: 4 * time.Second, outcome: layout.Failed, signal: 9, log: "x\n"},
		{name: "movie", owner: mei, procs: 2, started: 50 * time.Hour, took: 20 * time.Minute, outcome: layout.Stopped, reason: "stopped by the file STOP in its folder", log: "x\n"},
	}
	for _, f := range done {
		f.state = layout.Done
		tr.add(f)
	}
	tr.write("0.1 0.2\n", "QM_dJobs", "fit_february_series", "results", "fit.txt")
	tr.write(strings.Repeat("x", 123456), "QM_dJobs", "fit_february_series", "data.bin")
	tr.private(fake{state: layout.Done, name: "thesis", owner: "vip@example.org", procs: 1, started: 4 * time.Hour, took: time.Hour, outcome: layout.Succeeded, log: "x\n"})
	tr.private(fake{state: layout.Running, name: "secret_sample", owner: "vip@example.org", procs: 1, started: time.Hour, log: "x\n"})
	for name, to := range map[string]string{"latest": "results", "spectra": "/srv/spectra", "old": "results/none"} {
		_ = os.Symlink(to, filepath.Join(tr.path, "QM_dJobs", "fit_february_series", name)) // where there are links
	}
	tr.add(fake{state: layout.Lost, name: "fit_typo", owner: anna, procs: 1, started: time.Hour, outcome: layout.Rejected, reason: "proc_config.cfg, line 3: nb_proc is \"two\", which is not a positive integer; write a number, such as nb_proc = 2", log: "x\n"})
	tr.add(fake{state: layout.Lost, name: "long_run", owner: ben, procs: 4, started: 100 * time.Hour, took: 20 * time.Hour, outcome: layout.Interrupted, reason: "the machine went down while it ran; move it back to QM_qJobs to run it again", log: "step 5 / 9\n"})
}

// many is a tree of a busy year.
func (tr *tree) many() {
	tr.beat(layout.Heartbeat{Host: "render-box.example.org", Version: "v0.5.0", Started: tr.now.Add(-2000 * time.Hour), Slots: 128, SlotsUsed: 128, Launch: "non-blocking",
		Load1: new(131.2), DiskFree: new(int64(18 << 30)), DiskTotal: new(int64(7452 << 30)),
		Mail: &layout.WaitingMail{Waiting: 12, Since: tr.now.Add(-70 * time.Minute), Problem: "smtp.example.org:587 can't be reached: see smtp_host and smtp_port (connect: connection refused)", Next: tr.now.Add(23 * time.Minute)}})
	owner := func() string { return fmt.Sprintf("person%02d@example.org", tr.rand.IntN(14)) }
	for i := range 20 {
		n := tr.rand.IntN(900)
		tr.add(fake{state: layout.Running, name: fmt.Sprintf("shot_%04d", 9000+i), owner: owner(), procs: 1 + tr.rand.IntN(12), started: time.Duration(tr.rand.IntN(30000)) * time.Second, log: fmt.Sprintf("frame %d / 1000\n", n)})
	}
	var waiting []fake
	for i := range 400 {
		waiting = append(waiting, fake{name: fmt.Sprintf("shot_%04d", 9100+i), owner: owner(), procs: 4, reason: "waits for 4 processors, none is free"})
	}
	tr.wait(nil, waiting...)
	outcomes := []layout.Outcome{layout.Succeeded, layout.Succeeded, layout.Succeeded, layout.Succeeded, layout.Succeeded, layout.Failed, layout.Stopped, layout.TimedOut}
	for i := range 3000 {
		f := fake{state: layout.Done, name: fmt.Sprintf("shot_%04d", i), owner: owner(), procs: 1 + tr.rand.IntN(16), started: time.Duration(3000-i) * 17 * time.Minute, took: time.Duration(tr.rand.IntN(20000)) * time.Second, outcome: outcomes[tr.rand.IntN(len(outcomes))]}
		if f.took = min(f.took, f.started); f.outcome == layout.Failed {
			f.code = 1
		}
		tr.add(f)
	}
	for i := range 30 {
		tr.add(fake{state: layout.Lost, name: fmt.Sprintf("lost_%04d", i), owner: owner(), procs: 1, started: time.Duration(i+1) * 5 * time.Hour, outcome: layout.Interrupted, reason: "the machine went down while it ran; move it back to QM_qJobs to run it again"})
	}
}

// hostileNames are what jobs may be called, too.
var hostileNames = []string{
	"<script>alert(1)<\\script>", strings.Repeat("x", 250), "two\nlines", "\u05e9\u05dc\u05d5\u05dd \u0639\u0631\u0628\u064a", "\u202egnp.exe", "🧪🔬 día ünïcode 試験", "not\xff\xfeutf8",
	" ", "-rf", "%2e%2e%2f", "a&amp;b\"'", "?x=1#y", strings.Repeat("wide ", 40), "{{.}}",
}

// hostile is a tree whose jobs try to break the pages.
func (tr *tree) hostile() {
	h := tr.server()
	h.Host, h.Version, h.Problems = strings.Repeat("host", 30), hostileNames[0], []string{hostileNames[0], strings.Repeat("problem ", 60)}
	tr.beat(h)
	var waiting []fake
	for i, name := range hostileNames {
		f := fake{name: name, owner: hostileNames[(i+1)%len(hostileNames)], info: strings.ReplaceAll(hostileNames[(i+2)%len(hostileNames)], "\n", " "), procs: 1, started: time.Duration(i) * time.Hour, took: time.Minute, reason: strings.Repeat(hostileNames[(i+3)%len(hostileNames)], 2), script: strings.Repeat("x", 300), log: name + "\n\x1b[31m" + strings.Repeat(name+" ", 40) + "\n5 / 0\n99999999999999999999999 / 1\n\x00\xff 3 / 7\n"}
		waiting = append(waiting, f)
		for _, st := range []layout.State{layout.Running, layout.Done, layout.Lost} {
			f.state = st
			if f.outcome = layout.Failed; st == layout.Lost {
				f.outcome = layout.Rejected
			}
			f.code = 1
			tr.add(f)
			tr.write(name, st.Folder(), name, "sub", name)
		}
	}
	tr.wait([]layout.Note{{Folder: "QM_qJobs", ID: layout.ID(hostileNames[0]), Text: hostileNames[0]}}, waiting...)
}

// python is a tree that the Python QM has filled: no records, times in the
// names, its own lines in the logs.
func (tr *tree) python() {
	tr.beat(tr.server())
	end := "Job finished at: 2026-11-20 14:02:11.123456\ntime: 127.3\n"
	for i, name := range []string{"test_QM", "test_QM_2026-11-20 14:00:05", "fit_2026-11-19 09:30:00", "old:name"} {
		f := fake{state: layout.Done, name: name, owner: "anna@example.org", info: "of the Python QM", procs: 1 + i, noRecord: true, log: "Job started by QM at: 2026-11-20 14:00:04.000123\nprocessing 50 / 50\n" + end}
		tr.add(f)
	}
	tr.add(fake{state: layout.Running, name: "running:2026-11-25 08:00:00", procs: 2, noRecord: true, log: "Job started by QM at: " + tr.now.Add(-time.Hour).Format("2006-01-02 15:04:05") + "\nprocessing 12 / 50\n"})
	tr.add(fake{state: layout.Lost, name: "lost:2026-11-24 08:00:00", procs: 2, noRecord: true, log: "no script\n"})
}
