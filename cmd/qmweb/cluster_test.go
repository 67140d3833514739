package main

import (
	"time"

	"qm/pkg/layout"
)

// cluster is a tree whose jobs Slurm runs; silent is for how long it has not
// answered.
func (tr *tree) cluster(silent time.Duration) {
	const anna, ben, mei = "anna@example.org", "ben@example.org", "mei@example.org"
	h := tr.server()
	h.Host, h.Launch, h.Slots, h.SlotsUsed, h.GPUs, h.GPUsUsed = "login1", "slurm", 200, 5, 0, 0
	tr.beat(h)
	q := layout.Queue{Written: tr.now, Waiting: 1, Jobs: []layout.QueueJob{
		{ID: "render_shot_044", Position: 1, Arrived: tr.now.Add(-time.Hour), Reason: "5 jobs are with Slurm (slurm_max_in_flight)"},
	}}
	if silent > 0 {
		q.Silent = tr.now.Add(-silent)
	}
	for _, f := range []struct {
		fake
		words string
	}{
		{fake{name: "fit_march_series", owner: anna, info: "Fit of the March series, all samples", procs: 4, started: 42 * time.Minute, log: "fitting sample 21" + tqdm}, "running on node2, Slurm job 4711"},
		{fake{name: "md_water_300K", owner: ben, script: "./run.sh", procs: 64, started: 90 * time.Second, log: "equilibrating ...\n"}, "running on node[17-18], Slurm job 4712"},
		{fake{name: "render_shot_042", owner: mei, info: "Final frames", procs: 8, noRecord: true}, "waiting in Slurm: Resources"},
		{fake{name: "render_shot_043", owner: mei, procs: 8, noRecord: true}, "waiting in Slurm: Priority"},
		{fake{name: "spectra_2026_11", owner: ben, procs: 1, noRecord: true}, "about to be given to Slurm"},
	} {
		f.state = layout.Running
		tr.add(f.fake)
		r := layout.RunningJob{ID: layout.ID(f.name), Words: f.words, Arrived: tr.now.Add(-2 * time.Hour)}
		if !f.noRecord {
			r.Started = tr.now.Add(-f.started)
		}
		q.Running = append(q.Running, r)
	}
	tr.add(fake{state: layout.Queued, name: "render_shot_044", owner: mei, procs: 8})
	tr.writeJSON(q, layout.QueueFile)
}
