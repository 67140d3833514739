package supervise

import (
	"strings"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/folder"
	"qm/cmd/qmserver/internal/runfile"
	"qm/pkg/layout"
)

// finish is what the record tells of the end.
type finish struct {
	at    time.Time
	end   runfile.End
	usage usage
}

// writeRecord writes the record at the start (nil) and at the end.
func (a *attempt) writeRecord(f *finish) error {
	r := a.Record(a.name)
	r.Started = &a.started
	sync := disk.Volatile
	if f != nil {
		sync = disk.Durable
		Finish(r, f.at, &f.end)
		r.CPUSeconds, r.PeakMemoryBytes = f.usage.cpuSeconds, f.usage.peakBytes
	}
	return folder.WriteRecord(a.dir, r, sync)
}

// Record is what is known of a job before it starts.
func (j *Job) Record(name string) *layout.Record {
	script := j.Command
	if script == "" {
		script = strings.Join(j.Args, " ")
	}
	return &layout.Record{
		Name: layout.Display(name), Script: &script, Owner: &j.Owner, Host: &j.Host, NbProc: &j.NbProc,
		CPUs: j.CPUs, GPUs: j.GPUs, Submitted: &j.Submitted, Claimed: &j.Claimed, Attempt: j.Attempt,
	}
}

// Finish adds to a record how the job ended.
func Finish(r *layout.Record, at time.Time, end *runfile.End) {
	r.Finished, r.Outcome = &at, &end.Outcome
	r.ExitCode, r.Signal = end.ExitCode, end.Signal
	if end.Reason != "" {
		r.Reason = &end.Reason
	}
}
