package spool

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/launch"
	"qm/cmd/qmserver/internal/runfile"
	"qm/pkg/layout"
)

// outcomes keeps how and when the jobs ended that lie in QM_dJobs and
// QM_lost+found, for those that come after them: the records in their folders
// are their owners' to change. It is read when somebody asks for the first time.
type outcomes struct {
	lines
	known map[disk.Identity]ended // nil: not read yet
}

// ended is how a job ended, and when by our clock, in ns.
type ended struct {
	outcome layout.Outcome
	at      int64
}

// mostOutcomes is how many are kept when the file is written anew: the last.
const mostOutcomes = 200_000

// note remembers how a job ended.
func (o *outcomes) note(id disk.Identity, outcome layout.Outcome, at time.Time) {
	o.add("%d %d %s %d", id.Inode, id.Birth, outcome, at.UnixNano())
	if o.known != nil {
		o.known[id] = ended{outcome, at.UnixNano()}
	}
}

// of returns how the job ended that lies in this folder; nothing if that is not
// known.
func (o *outcomes) of(id disk.Identity) ended {
	if o.known == nil {
		o.load()
	}
	return o.known[id]
}

func (o *outcomes) load() {
	o.flush()
	o.rows, o.known = 0, make(map[disk.Identity]ended)
	var all []string
	o.read(func(line string) {
		all = append(all, line)
		if id, end, ok := parseOutcome(line); ok {
			o.known[id] = end
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

func parseOutcome(line string) (id disk.Identity, end ended, ok bool) {
	fields := strings.Fields(line)
	if len(fields) != 4 {
		return id, end, false
	}
	var err [3]error
	id.Inode, err[0] = strconv.ParseUint(fields[0], 10, 64)
	id.Birth, err[1] = strconv.ParseInt(fields[1], 10, 64)
	end.outcome = layout.Outcome(fields[2])
	end.at, err[2] = strconv.ParseInt(fields[3], 10, 64)
	return id, end, errors.Join(err[:]...) == nil
}

// learn takes from the run files what a server that was killed may not have
// written down, as far as they are believed about the folders.
func (o *outcomes) learn(runs launch.Runs, believes func(runfile.Run, disk.Identity, runfile.Line) bool) {
	for _, run := range runs.Files {
		for id, line := range run.Last {
			if line.Event == runfile.Ended && believes(run, id, line) {
				o.note(id, line.Outcome, line.At)
			}
		}
	}
}
