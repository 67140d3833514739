package snapshot

import (
	"slices"
	"time"

	"qm/pkg/layout"
)

// maxWords is the longest that is kept of how a job is with Slurm, in bytes.
const maxWords = 300

// lastKnown stands before how a job is with Slurm where nobody looks any more.
const lastKnown = "last known: "

// inSlurm is how a job is with Slurm, in words, and since when Slurm has not
// answered, 0 if it does.
type inSlurm struct {
	words  string
	silent int64
}

// cluster is the running jobs as they were shown last, with how those are that
// Slurm has.
type cluster struct {
	from   []*packed
	queue  *layout.Queue
	alive  bool
	silent time.Time
	jobs   []*packed
}

// stand returns the running jobs; the same list as before if nothing changed.
func (c *cluster) stand(from []*packed, queue *layout.Queue, server *Server) []*packed {
	if queue == nil || len(queue.Running) == 0 || len(from) == 0 {
		return from
	}
	same := len(from) == len(c.from) && &from[0] == &c.from[0]
	if !same || c.queue != queue || c.alive != server.Alive || !c.silent.Equal(server.Silent) || c.jobs == nil {
		*c = cluster{from, queue, server.Alive, server.Silent, withSlurm(from, queue, server)}
	}
	return c.jobs
}

// behindAll is later than any time, in ns: what waits in Slurm is listed last.
const behindAll = 1 << 62

// withSlurm returns the running jobs in the order of their start, which only
// the server knows of those that Slurm has.
func withSlurm(jobs []*packed, queue *layout.Queue, server *Server) []*packed {
	told := make(map[string]*layout.RunningJob, len(queue.Running))
	for i := range queue.Running {
		if name, err := layout.NameOfID(queue.Running[i].ID); err == nil {
			told[name] = &queue.Running[i]
		}
	}
	all := slices.Clone(jobs)
	for i, p := range all {
		r := told[p.name()]
		if r == nil || r.Words == "" || p.live == nil {
			continue
		}
		how := &inSlurm{cut(r.Words, maxWords), nano(server.Silent)}
		if !server.Alive {
			how = &inSlurm{lastKnown + how.words, 0}
		}
		one, l := *p, *p.live
		l.slurm = how
		one.submitted, one.started, one.live = nano(r.Arrived), nano(r.Started), &l
		all[i] = &one
	}
	slices.SortFunc(all, func(a, b *packed) int { return cmpJobs(a.key(), b.key()) })
	return all
}

// Waits tells of a job in QM_Jobs that Slurm has and has not begun.
func (j *Job) Waits() bool { return j.Slurm != "" && j.Started.IsZero() }

// WaitInSlurm returns how many of the running jobs have not begun.
func (s *Snapshot) WaitInSlurm() int {
	n := 0
	for _, p := range s.lists[layout.Running] {
		if p.waitsInSlurm() {
			n++
		}
	}
	return n
}

func (p *packed) waitsInSlurm() bool { return p.live != nil && p.live.slurm != nil && p.started == 0 }

// silentSince tells by our clock since when Slurm has not answered, which the
// queue file tells by the server's.
func silentSince(queue *layout.Queue, s *Server, now time.Time) time.Time {
	if queue == nil || queue.Silent.IsZero() {
		return time.Time{}
	}
	return now.Add(-max(s.Beat.Sub(queue.Silent), 0)).Round(0)
}
