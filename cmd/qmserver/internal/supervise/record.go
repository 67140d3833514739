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
	script := a.Command
	if script == "" {
		script = strings.Join(a.Args, " ")
	}
	r := &layout.Record{
		Name: layout.Display(a.name), Script: &script, Owner: &a.Owner, Host: &a.Host, NbProc: &a.NbProc,
		CPUs: a.CPUs, GPUs: a.GPUs,
		Submitted: &a.Submitted, Claimed: &a.Claimed, Started: &a.started, Attempt: a.Attempt,
	}
	sync := disk.Volatile
	if f != nil {
		sync = disk.Durable
		r.Finished, r.Outcome = &f.at, &f.end.Outcome
		r.ExitCode, r.Signal = f.end.ExitCode, f.end.Signal
		if f.end.Reason != "" {
			r.Reason = &f.end.Reason
		}
		r.CPUSeconds, r.PeakMemoryBytes = f.usage.cpuSeconds, f.usage.peakBytes
	}
	return folder.WriteRecord(a.dir, r, sync)
}
