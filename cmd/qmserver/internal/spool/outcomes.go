package spool

import (
	"strconv"
	"strings"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/launch"
	"qm/cmd/qmserver/internal/runfile"
	"qm/pkg/layout"
)

// outcomes keeps how the jobs ended that lie in QM_dJobs, for those that come
// after them: the records in their folders are their owners' to change. It is
// read when somebody asks for the first time.
type outcomes struct {
	lines
	known map[disk.Identity]layout.Outcome // nil: not read yet
}

// mostOutcomes is how many are kept when the file is written anew: the last.
const mostOutcomes = 200_000

// note remembers how a job ended.
func (o *outcomes) note(id disk.Identity, outcome layout.Outcome) {
	o.add("%d %d %s", id.Inode, id.Birth, outcome)
	if o.known != nil {
		o.known[id] = outcome
	}
}

// of returns how the job ended that lies in this folder, or "" if that is not
// known.
func (o *outcomes) of(id disk.Identity) layout.Outcome {
	if o.known == nil {
		o.load()
	}
	return o.known[id]
}

func (o *outcomes) load() {
	o.flush()
	o.rows, o.known = 0, make(map[disk.Identity]layout.Outcome)
	var all []string
	o.read(func(line string) {
		all = append(all, line)
		if id, outcome, ok := parseOutcome(line); ok {
			o.known[id] = outcome
		}
	})
	if len(all) > 2*mostOutcomes {
		o.begin()
		for _, line := range all[len(all)-mostOutcomes:] {
			o.add("%s", line)
		}
		o.replace()
	}
}

func parseOutcome(line string) (id disk.Identity, outcome layout.Outcome, ok bool) {
	fields := strings.Fields(line)
	if len(fields) != 3 {
		return id, "", false
	}
	inode, err := strconv.ParseUint(fields[0], 10, 64)
	birth, err2 := strconv.ParseInt(fields[1], 10, 64)
	return disk.Identity{Inode: inode, Birth: birth}, layout.Outcome(fields[2]), err == nil && err2 == nil
}

// learn takes from the run files what a server that was killed may not have
// written down, as far as they are believed about the folders.
func (o *outcomes) learn(runs launch.Runs, believes func(runfile.Run, disk.Identity, runfile.Line) bool) {
	for _, run := range runs.Files {
		for id, line := range run.Last {
			if line.Event == runfile.Ended && believes(run, id, line) {
				o.note(id, line.Outcome)
			}
		}
	}
}
