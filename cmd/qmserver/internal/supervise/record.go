package supervise

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/runfile"
	"qm/pkg/layout"
)

// finish is what the record tells of the end.
type finish struct {
	at    time.Time
	end   runfile.End
	usage usage
}

// writeRecord writes the record at the start (nil) and at the end. It is a
// copy: that it can't be written must not hurt the job.
func (a *attempt) writeRecord(f *finish) {
	script := a.Command
	if script == "" {
		script = strings.Join(a.Args, " ")
	}
	r := &layout.Record{
		Name: layout.Display(a.name), Script: &script, Owner: &a.Owner, Host: &a.Host, NbProc: &a.NbProc,
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
	_ = WriteRecord(a.dir, r, sync)
}

// WriteRecord writes the record of a job into its folder. If durable, it is on
// disk when WriteRecord returns nil.
func WriteRecord(dir *os.Root, r *layout.Record, sync disk.Sync) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := dir.Mkdir(path.Dir(layout.RecordFile), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return disk.Replace(dir, layout.RecordFile, append(data, '\n'), 0o644, sync)
}
