package page

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"qm/cmd/qmweb/internal/snapshot"
	"qm/pkg/layout"
)

// clusterSite serves a tree whose server gave three jobs to Slurm.
func clusterSite(t *testing.T, silent time.Duration) *testSite {
	t.Helper()
	s := newSite(t)
	now := time.Now()
	beat := layout.Heartbeat{Host: "login1", Beat: now, Started: now.Add(-time.Hour), Slots: 200, SlotsUsed: 3, Launch: "slurm", Load1: new(0.5)}
	queue := layout.Queue{Written: now, Waiting: 1, Running: []layout.RunningJob{
		{ID: "fit", Words: "running on node2, Slurm job 4711", Started: now.Add(-2 * time.Minute)},
		{ID: "scan", Words: "waiting in Slurm: Resources"},
		{ID: "map", Words: "waiting in Slurm: Priority"},
	}, Jobs: []layout.QueueJob{{ID: "next", Position: 1, Arrived: now, Reason: "3 jobs are with Slurm (slurm_max_in_flight)"}}}
	if silent > 0 {
		queue.Silent = now.Add(-silent)
	}
	for _, name := range []string{"fit", "scan", "map"} {
		s.write("QM_Jobs/"+name+"/proc_config.cfg", "[QMOptions]\nscript : sh run.sh\nnb_proc : 4\n")
	}
	s.write("QM_qJobs/next/proc_config.cfg", "[QMOptions]\nscript : sh run.sh\n")
	s.writeJSON(layout.HeartbeatFile, beat)
	s.writeJSON(layout.QueueFile, queue)
	return s
}

func (s *testSite) writeJSON(path string, v any) {
	s.t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(path, string(data))
}

// text is what a reader sees of a page, its blanks made one.
func text(t *testing.T, page string) string {
	t.Helper()
	z := html.NewTokenizer(strings.NewReader(page))
	var b strings.Builder
	for z.Next() != html.ErrorToken {
		if tok := z.Token(); tok.Type == html.TextToken {
			b.WriteString(tok.Data + " ")
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func TestSlurmOnTheStatusPage(t *testing.T) {
	s := clusterSite(t, 0)
	page := text(t, s.get("/", 200))
	s.wants(page, "1 running – QM", "1 job runs, 2 wait in Slurm, 1 waits here", "Slurm runs the jobs.", "Running 3, 2 wait in Slurm", "With Slurm 3 of 200",
		"4 processors running on node2, Slurm job 4711 for 2 min", "4 processors waiting in Slurm: Resources", "waiting in Slurm: Priority",
		"3 jobs are with Slurm (slurm_max_in_flight)")
	for _, not := range []string{"has not answered", "Load", "Slots busy"} {
		if strings.Contains(page, not) {
			t.Errorf("it says %q:\n%s", not, page)
		}
	}
}

func TestSlurmOnTheJobPage(t *testing.T) {
	s := clusterSite(t, 0)
	s.wants(text(t, s.get("/QM_Jobs/fit/", 200)), "running for 2 min", "running on node2, Slurm job 4711")
	page := text(t, s.get("/QM_Jobs/scan/", 200))
	s.wants(page, "scan – waiting – QM", "waiting in Slurm: Resources Asked for", "It has not started yet")
	if strings.Contains(page, "waiting for ") {
		t.Errorf("it has run for some time:\n%s", page)
	}
}

func TestSlurmInTheAPI(t *testing.T) {
	s := clusterSite(t, 0)
	reasons := make(map[string]string)
	var jobs jsonJobs
	if err := json.Unmarshal([]byte(s.get("/api/v1/jobs?state=running", 200)), &jobs); err != nil {
		t.Fatal(err)
	}
	for _, j := range jobs.Jobs {
		reasons[j.Name] = j.Reason
		if waits := j.Name != "fit"; waits != (j.Started == nil) || waits != (j.Seconds == nil) {
			t.Errorf("%s: started %v, %v s", j.Name, j.Started, j.Seconds)
		}
	}
	if reasons["fit"] != "running on node2, Slurm job 4711" || reasons["scan"] != "waiting in Slurm: Resources" {
		t.Errorf("got %q", reasons)
	}
}

func TestSlurmDoesNotAnswer(t *testing.T) {
	s := clusterSite(t, 3*time.Minute)
	s.wants(text(t, s.get("/", 200)), "Slurm has not answered for 3 min. Until it does")
	s.wants(text(t, s.get("/QM_Jobs/scan/", 200)), "waiting in Slurm: Resources; Slurm has not answered for 3 min")
	s.wants(s.get("/api/v1/jobs/QM_Jobs/fit", 200), `"reason":"running on node2, Slurm job 4711; Slurm has not answered for 3 min"`)
}

func TestSilence(t *testing.T) {
	now := time.Now()
	for d, want := range map[time.Duration]string{
		42*time.Second + time.Millisecond: "42 s", 200 * time.Second: "3 min", 2*time.Hour + 5*time.Minute: "2 h 5 min", -time.Hour: "0.0 s",
	} {
		if got := silence(now.Add(-d), now); got != "Slurm has not answered for "+want {
			t.Errorf("%v: %q", d, got)
		}
	}
	if got := slurmWords(&snapshot.Job{Silent: now}, now); got != "" {
		t.Errorf("a job that Slurm has not got: %q", got)
	}
}
