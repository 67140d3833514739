package layout

import (
	"encoding/json"
	"fmt"
	"time"
)

// Outcome tells how a run ended.
type Outcome string

// The outcomes. Succeeded, Failed, Stopped and TimedOut jobs are done;
// Interrupted and Rejected ones are lost.
const (
	Succeeded   Outcome = "succeeded"
	Failed      Outcome = "failed"
	Stopped     Outcome = "stopped"
	TimedOut    Outcome = "timed-out"
	Interrupted Outcome = "interrupted"
	Rejected    Outcome = "rejected"
)

// Outcomes lists all outcomes, the good one first.
var Outcomes = [...]Outcome{Succeeded, Failed, Stopped, TimedOut, Interrupted, Rejected}

// Record is what is known of a run: RecordFile of the job's folder. It is a
// copy for people and for qmweb; no decision is ever read from it, since
// whoever owns the folder may delete or forge it. What is not known is null.
type Record struct {
	Name      string     `json:"name"` // as Display shows it
	Script    *string    `json:"script"`
	Owner     *string    `json:"owner"`
	Host      *string    `json:"host"`
	NbProc    *int       `json:"nb_proc"`
	CPUs      []int      `json:"cpus"`
	GPUs      []string   `json:"gpus"`
	Submitted *time.Time `json:"submitted"`
	Claimed   *time.Time `json:"claimed"`
	Started   *time.Time `json:"started"`
	Finished  *time.Time `json:"finished"`
	Outcome   *Outcome   `json:"outcome"`
	ExitCode  *int       `json:"exit_code"`
	Signal    *int       `json:"signal"`
	Reason    *string    `json:"reason"`

	CPUSeconds      *float64 `json:"cpu_seconds"`
	PeakMemoryBytes *int64   `json:"peak_memory_bytes"`
	Attempt         int      `json:"attempt"`
}

// MaxRecord bounds how many bytes of a record are read: a folder's owner may
// have put anything in its place.
const MaxRecord = 256 << 10

// ParseRecord reads a record. An empty or torn one is an error.
func ParseRecord(data []byte) (*Record, error) {
	var r Record
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("parse record: %w", err)
	}
	return &r, nil
}
