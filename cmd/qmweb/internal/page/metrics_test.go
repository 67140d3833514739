package page

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"qm/pkg/layout"
)

// Monitoring sees numbers, and neither who nor what.
func TestMetrics(t *testing.T) {
	s := routeSite(t)
	s.write(layout.HeartbeatFile, `{"host":"lab1","slots":8,"slots_used":3,"paused":true,"load1":1.5,"disk_free":100,"disk_total":1000,"beat":"`+time.Now().Format(time.RFC3339Nano)+`"}`)
	s.get("/none", 404)
	text := s.get("/metrics", 200)
	s.wants(text, "\nqm_tree_up 1\n", "\nqm_server_alive 1\n", "\nqm_server_paused 1\n", "\nqm_slots 8\n", "\nqm_slots_used 3\n",
		"\nqm_load1 1.5\n", "\nqm_disk_free_bytes 100\n", "\nqm_disk_total_bytes 1000\n", `qm_jobs{state="arriving"} 1`, `qm_jobs{state="running"} 1`,
		`qm_done_jobs{outcome="failed"} 1`, `qm_done_jobs{outcome="succeeded"} 0`, `qmweb_requests_total{code="404"} 1`, "# TYPE qmweb_requests_total counter", "process_resident_memory_bytes")
	for _, secret := range []string{"example.org", "waiting_job", "lab1"} {
		if strings.Contains(text, secret) {
			t.Errorf("it tells %s", secret)
		}
	}
	none := newSite(t, func(o *Options) { o.Version = "v1" })
	if text := none.get("/metrics", 200); regexp.MustCompile(`\nqm_(slots|load1|disk)`).MatchString(text) {
		t.Error("without a server it tells of its slots")
	} else {
		none.wants(text, `qmweb_info{version="v1"} 1`, "\nqm_server_alive 0\n")
	}
}
