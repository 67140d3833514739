package folder

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/probe"
	"qm/pkg/layout"
)

// Reason is why a job is lost.
type Reason struct {
	Outcome layout.Outcome `json:"outcome"`
	Text    string         `json:"text"` // in words
	At      time.Time      `json:"at"`
	Record  layout.Record  `json:"record"` // what is known of the job beside
}

// LeaveReason writes into the job's folder why it is lost: at the end of its
// log, for people, and into its record. Only a regular file is written to.
func LeaveReason(r Ref, why Reason) error {
	dir, err := Open(r)
	if err != nil {
		return err
	}
	defer dir.Close()
	return errors.Join(appendReason(dir, why), recordReason(dir, why))
}

func appendReason(dir *os.Root, why Reason) error {
	if info, err := dir.Lstat(layout.JobLog); err == nil && (!info.Mode().IsRegular() || disk.DetailsOf(info).Links > 1) {
		return fmt.Errorf("write %s: %w, or one with other names", layout.JobLog, layout.ErrNotRegular)
	}
	f, err := dir.OpenFile(layout.JobLog, os.O_RDWR|os.O_APPEND|os.O_CREATE|layout.NonBlock, 0o644)
	if err != nil {
		return err
	}
	probe.Step("reason")
	_, err = fmt.Fprintf(f, "%sQM: %s at %s: %s\n", LineBreak(f), why.Outcome, why.At.Format(time.RFC3339), why.Text)
	probe.Step("reason: written")
	return errors.Join(err, f.Close())
}

// LineBreak returns what is missing at the end of a file for the next write to
// begin a line.
func LineBreak(f *os.File) string {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return ""
	}
	var last [1]byte
	if _, err := f.ReadAt(last[:], info.Size()-1); err != nil || last[0] == '\n' {
		return ""
	}
	return "\n"
}

// recordReason writes the record, and keeps what a supervisor wrote into it of
// a run that was cut.
func recordReason(dir *os.Root, why Reason) error {
	rec := why.Record
	if why.Outcome == layout.Interrupted {
		if data, err := layout.ReadFile(dir, layout.RecordFile, layout.MaxRecord); err == nil {
			if old, err := layout.ParseRecord(data); err == nil {
				old.Attempt = rec.Attempt
				rec = *old
			}
		}
	}
	rec.Outcome, rec.Reason, rec.Finished = &why.Outcome, &why.Text, &why.At
	return WriteRecord(dir, &rec, disk.Durable)
}

// WriteRecord writes the record of a job into its folder. If durable, it is on
// disk when WriteRecord returns nil. The folder that it lies in is made with all
// permissions that umask or the ACLs of the queue leave it: where the server's
// user is another than who put the job there, that one can still delete it all.
func WriteRecord(dir *os.Root, r *layout.Record, sync disk.Sync) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := dir.Mkdir(path.Dir(layout.RecordFile), 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return disk.Replace(dir, layout.RecordFile, append(data, '\n'), 0o644, sync)
}
