package page

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/go-chi/chi/v5"

	"qm/cmd/qmweb/internal/snapshot"
	"qm/pkg/layout"
)

// An icon of a page is named by what it tells: idle; off, where there is no
// server; done; or how many jobs run, as 3; and each of them with -bad behind
// it, where a job failed or was lost lately.

// lately is for how long title and icon tell of a job that failed.
const lately = time.Hour

// maxIconNumber is the largest number that an icon has room for.
const maxIconNumber = 99

// badCount is how many jobs ended badly lately. It holds until the first of them
// is not of late any more; zero: until something changes.
type badCount struct {
	failed, lost int
	until        time.Time
}

func (n *badCount) any() bool { return n.failed+n.lost > 0 }

// holds notes that a job counts that ended at this time. The newest come first.
func (n *badCount) holds(ended time.Time) {
	if until := ended.Add(lately); n.until.IsZero() || until.Before(n.until) {
		n.until = until
	}
}

// recentlyBad counts what ended badly lately. The newest ended jobs come first.
func recentlyBad(snap *snapshot.Snapshot, now time.Time) (n badCount) {
	for j := range snap.All(layout.Done) {
		if now.Sub(j.Finished) > lately {
			break
		}
		if j.Outcome == layout.Failed || j.Outcome == layout.TimedOut {
			n.failed++
			n.holds(j.Finished)
		}
	}
	for j := range snap.All(layout.Lost) {
		if now.Sub(j.Finished) > lately {
			break
		}
		n.lost++
		n.holds(j.Finished)
	}
	return n
}

// title is what the tab says while another one is looked at.
func title(snap *snapshot.Snapshot, bad badCount) string {
	var parts []string
	switch n := snap.Count(layout.Running) - snap.WaitInSlurm(); {
	case snap.Problem != "":
		return "no queue"
	case !snap.Server.Alive:
		parts = append(parts, "server not running")
	case n > 0:
		parts = append(parts, fmt.Sprintf("%d running", n))
	default:
		parts = append(parts, "nothing runs")
	}
	if bad.failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", bad.failed))
	}
	if bad.lost > 0 {
		parts = append(parts, fmt.Sprintf("%d lost", bad.lost))
	}
	return strings.Join(parts, ", ")
}

func iconOf(snap *snapshot.Snapshot, bad badCount) string {
	name := "idle"
	switch n := snap.Count(layout.Running) - snap.WaitInSlurm(); {
	case snap.Problem != "" || !snap.Server.Alive:
		name = "off"
	case n > 0:
		name = strconv.Itoa(min(n, maxIconNumber))
	}
	if bad.any() {
		name += "-bad"
	}
	return name
}

// iconOfJob is the icon of a job's own page.
func iconOfJob(b badge) string {
	switch b.Kind {
	case "busy":
		return "1"
	case "good":
		return "done"
	case "bad", "warn":
		return "idle-bad"
	}
	return "idle"
}

var iconFile = template.Must(template.New("icon").Parse(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">` +
	`<rect width="32" height="32" rx="7" fill="{{.Ground}}"/>` +
	`{{if .Number}}<text x="{{if .Bad}}14{{else}}16{{end}}" y="{{if .Bad}}25.5{{else}}22.5{{end}}" font-family="system-ui,sans-serif" font-size="{{.Size}}" font-weight="700" text-anchor="middle" fill="#fff">{{.Number}}</text>` +
	`{{else if .Done}}<path d="M8 17l6 6L25 10" fill="none" stroke="#fff" stroke-width="4" stroke-linecap="round" stroke-linejoin="round"/>` +
	`{{else}}<g fill="#fff"><rect x="6" y="7" width="20" height="5" rx="1.5"/><rect x="6" y="13.5" width="13" height="5" rx="1.5"/><rect x="6" y="20" width="7" height="5" rx="1.5"/></g>{{end}}` +
	`{{if .Bad}}<circle cx="25.5" cy="6.5" r="7.5" fill="#fff"/><circle cx="25.5" cy="6.5" r="6" fill="#c8242f"/>{{end}}</svg>`))

// icon draws one of the icons.
func (s *site) icon(w http.ResponseWriter, r *http.Request) error {
	name, ok := strings.CutSuffix(chi.URLParam(r, "file"), ".svg")
	name, bad := strings.CutSuffix(name, "-bad")
	d := struct {
		Ground, Number string
		Size           int
		Done, Bad      bool
	}{Ground: "#0b5d66", Size: 19, Bad: bad}
	switch number, err := strconv.Atoi(name); {
	case !ok:
		return notFound("There is no such file here.")
	case name == "off":
		d.Ground = "#6a7178"
	case name == "done":
		d.Done = true
	case err == nil && number > 0 && number <= maxIconNumber && strconv.Itoa(number) == name:
		d.Number = name
		if bad {
			d.Size = 17 // beside the dot
		}
	case name != "idle":
		return notFound("There is no such file here.")
	}
	var buf bytes.Buffer
	if err := iconFile.Execute(&buf, d); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "image/svg+xml")
	h.Set("Cache-Control", "max-age=86400") // its name tells all of it
	_, _ = w.Write(buf.Bytes())             // whoever asked may be gone
	return nil
}
