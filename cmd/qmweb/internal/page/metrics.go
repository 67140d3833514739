package page

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"qm/cmd/qmweb/internal/snapshot"
	"qm/pkg/layout"
)

// metrics are what /metrics tells. It names no owner and no job.
type metrics struct {
	handler  http.Handler
	requests *prometheus.CounterVec
	sent     prometheus.Counter
}

func newMetrics(store *snapshot.Store, version string) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "qmweb_requests_total", Help: "Requests answered, by status code."}, []string{"code"}),
		sent:     prometheus.NewCounter(prometheus.CounterOpts{Name: "qmweb_sent_bytes_total", Help: "Bytes of answers, without headers."}),
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{Name: "qmweb_info", Help: "Always 1; the version of qmweb is its label.", ConstLabels: prometheus.Labels{"version": version}})
	info.Set(1)
	registry := prometheus.NewRegistry()
	registry.MustRegister(m.requests, m.sent, info, &treeMetrics{store}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
	return m
}

// count notes an answer.
func (m *metrics) count(status int, bytes int64) {
	if m == nil {
		return
	}
	m.requests.WithLabelValues(strconv.Itoa(status)).Inc()
	m.sent.Add(float64(bytes))
}

func (s *site) serveMetrics(w http.ResponseWriter, r *http.Request) error {
	s.metrics.handler.ServeHTTP(w, r)
	return nil
}

// treeMetrics tells of a snapshot when it is asked.
type treeMetrics struct{ store *snapshot.Store }

func gauge(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

var (
	treeUp       = gauge("qm_tree_up", "1 if the tree can be read, else 0.")
	treeAge      = gauge("qm_tree_age_seconds", "Age of what the other metrics of the tree tell.")
	treeUnread   = gauge("qm_jobs_unread", "Jobs that are counted and not read yet.")
	treeJobs     = gauge("qm_jobs", "Jobs in each state; arriving ones are not counted as queued.", "state")
	treeOutcomes = gauge("qm_done_jobs", "Jobs in QM_dJobs, by outcome.", "outcome")
	serverAlive  = gauge("qm_server_alive", "1 if qmserver lives, else 0.")
	serverPaused = gauge("qm_server_paused", "1 if the queue is paused, else 0.")
	serverStart  = gauge("qm_server_start_time_seconds", "Unix time at which qmserver started.")
	serverSlots  = gauge("qm_slots", "Processors that jobs may ask for together; where Slurm runs the jobs, how many it may have.")
	slotsUsed    = gauge("qm_slots_used", "Processors that running jobs asked for; where Slurm runs the jobs, how many it has.")
	serverGPUs   = gauge("qm_gpus", "GPUs that jobs may ask for together.")
	gpusUsed     = gauge("qm_gpus_used", "GPUs that running jobs asked for.")
	machineLoad  = gauge("qm_load1", "Load of qmserver's machine over a minute.")
	diskFree     = gauge("qm_disk_free_bytes", "Bytes that are free on the tree's disk.")
	diskTotal    = gauge("qm_disk_total_bytes", "Bytes of the tree's disk.")
	mailWaiting  = gauge("qm_mail_waiting", "Mails about jobs that have not gone out.")
)

// Describe is for prometheus.Collector.
func (*treeMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		treeUp, treeAge, treeUnread, treeJobs, treeOutcomes, serverAlive, serverPaused, serverStart,
		serverSlots, slotsUsed, serverGPUs, gpusUsed, machineLoad, diskFree, diskTotal, mailWaiting,
	} {
		to <- d
	}
}

// Collect is for prometheus.Collector.
func (m *treeMetrics) Collect(to chan<- prometheus.Metric) {
	snap := m.store.Get()
	tell := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	tell(treeUp, truth(snap.Problem == "" && time.Since(snap.At) < staleAfter))
	tell(treeAge, time.Since(snap.At).Seconds())
	tell(serverAlive, truth(snap.Server.Alive))
	if snap.Problem != "" {
		return
	}
	tell(treeUnread, float64(snap.Unread))
	counts := snap.Counts()
	for state, n := range map[string]int{"arriving": counts.Arriving, "queued": counts.Queued, "running": counts.Running, "done": counts.Done, "lost": counts.Lost} {
		tell(treeJobs, float64(n), state)
	}
	for outcome, n := range snap.Outcomes(layout.Done) {
		tell(treeOutcomes, float64(n), outcome)
	}
	if snap.Server.Known {
		tellServer(&snap.Server, tell)
	}
}

func tellServer(sv *snapshot.Server, tell func(*prometheus.Desc, float64, ...string)) {
	tell(serverPaused, truth(sv.Paused))
	if !sv.Started.IsZero() {
		tell(serverStart, float64(sv.Started.Unix()))
	}
	tell(serverSlots, float64(sv.Slots))
	tell(slotsUsed, float64(sv.SlotsUsed))
	tell(serverGPUs, float64(sv.GPUs))
	tell(gpusUsed, float64(sv.GPUsUsed))
	if sv.Load1 != nil {
		tell(machineLoad, *sv.Load1)
	}
	if sv.DiskFree != nil && sv.DiskTotal != nil {
		tell(diskFree, float64(*sv.DiskFree))
		tell(diskTotal, float64(*sv.DiskTotal))
	}
	waiting := 0
	if sv.Mail != nil {
		waiting = sv.Mail.Waiting
	}
	tell(mailWaiting, float64(waiting))
}

func truth(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
