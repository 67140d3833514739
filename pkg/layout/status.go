package layout

import (
	"encoding/json"
	"fmt"
	"time"
)

// BeatEvery is how often the server writes its heartbeat; AliveFor is how
// long a heartbeat that has not changed still counts as alive.
const (
	BeatEvery = 5 * time.Second
	AliveFor  = 15 * time.Second
)

// Heartbeat is HeartbeatFile: how qmweb knows that qmserver lives.
type Heartbeat struct {
	Host      string    `json:"host"`
	PID       int       `json:"pid"`
	Version   string    `json:"version"`
	Started   time.Time `json:"started"`
	Beat      time.Time `json:"beat"`    // by the server's clock; what counts is that it changes
	Stopped   bool      `json:"stopped"` // the server has ended in good order
	Slots     int       `json:"slots"`   // processors; jobs, where Slurm runs them
	SlotsUsed int       `json:"slots_used"`
	GPUs      int       `json:"gpus"`
	GPUsUsed  int       `json:"gpus_used"`
	Paused    bool      `json:"paused"`
	Launch    string    `json:"launch_type"`
	Problems  []string  `json:"problems"` // what holds the whole server back, in words

	Load1     *float64 `json:"load1"`      // of the machine, over a minute; nil: not known
	DiskFree  *int64   `json:"disk_free"`  // bytes that jobs may still write to the tree's disk; nil: not known
	DiskTotal *int64   `json:"disk_total"` // bytes; nil: not known

	Mail *WaitingMail `json:"mail,omitempty"` // nil: none waits
}

// WaitingMail tells of the mails that have not gone out. It holds no address.
type WaitingMail struct {
	Waiting int       `json:"waiting"`
	Since   time.Time `json:"since"`             // the oldest was written then
	Problem string    `json:"problem,omitempty"` // what became of the last try, in words; empty: it is under way
	Next    time.Time `json:"next,omitzero"`     // when it is tried again; zero: it is under way
}

// ParseHeartbeat reads a heartbeat.
func ParseHeartbeat(data []byte) (*Heartbeat, error) {
	var h Heartbeat
	if err := json.Unmarshal(data, &h); err != nil {
		return nil, fmt.Errorf("parse heartbeat: %w", err)
	}
	return &h, nil
}

// MaxQueueJobs is how many jobs QueueFile tells of; those behind them are
// only counted.
const MaxQueueJobs = 1000

// MaxStatus bounds how many bytes of a status file are read: 1,000 jobs with
// the longest name, percent-encoded, and a reason each.
const MaxStatus = 8 << 20

// Queue is QueueFile: the queue as the scheduler sees it. It holds no command,
// address or info line, so whoever may see the queue may see all of it.
type Queue struct {
	Written  time.Time  `json:"written"`
	Waiting  int        `json:"waiting"`  // all of them, also those not listed
	Arriving int        `json:"arriving"` // all of them, also those not listed
	Jobs     []QueueJob `json:"jobs"`     // in the order in which they will start, then the arriving ones
	Notes    []Note     `json:"notes"`

	Running []RunningJob `json:"running,omitempty"`     // those that Slurm has, the first MaxQueueJobs of them
	Silent  time.Time    `json:"silent_since,omitzero"` // since when Slurm has not answered, by the server's clock; zero: it does
}

// RunningJob is a job in QM_Jobs that Slurm has, and how it is there.
type RunningJob struct {
	ID      string    `json:"id"`               // see ID
	Words   string    `json:"words"`            // such as: waiting in Slurm: Resources
	Arrived time.Time `json:"arrived"`          // when it was first seen in the queue
	Started time.Time `json:"started,omitzero"` // when it began on its node; zero: it has not
}

// QueueJob is one job of the queue and why it waits.
type QueueJob struct {
	ID       string    `json:"id"`       // see ID
	Position int       `json:"position"` // from 1; 0 while it arrives
	Arriving bool      `json:"arriving"`
	Arrived  time.Time `json:"arrived"` // when it was first seen
	Reason   string    `json:"reason"`  // in words; empty: it starts at once
}

// Note is something that the server found in a folder and has to say about
// it: no job, or a job that it can't move.
type Note struct {
	Folder string `json:"folder"` // such as QM_qJobs
	ID     string `json:"id"`
	Text   string `json:"text"`
}

// ParseQueue reads a queue file.
func ParseQueue(data []byte) (*Queue, error) {
	var q Queue
	if err := json.Unmarshal(data, &q); err != nil {
		return nil, fmt.Errorf("parse queue: %w", err)
	}
	return &q, nil
}
