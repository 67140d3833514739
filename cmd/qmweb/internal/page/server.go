package page

import (
	"fmt"

	"github.com/dustin/go-humanize"

	"qm/cmd/qmweb/internal/snapshot"
)

// maxPips are the most slots that are drawn one by one.
const maxPips = 32

// fullDisk is the percentage from which on a disk is called out.
const fullDisk = 95

// serverView is what the page says of qmserver.
type serverView struct {
	Badge  badge
	Text   string
	Up     moment // since when it runs; stands between Text and More
	More   string
	AsOf   moment
	Seen   moment // its last sign of life
	Meters []meter
}

// meter is how much of something is in use.
type meter struct {
	Name, Big, Small string
	Percent          int    // in use
	Pips             []bool // drawn one by one: in use or not; empty: too many for that
	Tight            bool   // next to nothing is left
}

func viewServer(sv *snapshot.Server, c clock) serverView {
	switch {
	case !sv.Known:
		return serverView{Badge: badge{"bad", "not running"}, Text: sv.Problem}
	case !sv.Alive:
		return serverView{Badge: badge{"bad", "not running"}, Text: "What is queued waits until it is started again. Jobs that run go on.", Seen: c.moment(sv.Beat)}
	}
	v := serverView{Badge: badge{"good", "running"}, Text: serverText(sv), More: ".", AsOf: c.moment(sv.AsOf), Meters: serverMeters(sv)}
	if c.now.After(sv.Started) {
		v.Up = c.since(sv.Started)
	}
	switch sv.Launch {
	case "blocking":
		v.More = ", one job at a time."
	case bySlurm:
		v.More = ", Slurm runs the jobs."
	}
	if sv.Paused {
		v.Badge = badge{"pause", "paused"}
		v.Text, v.Up, v.More = "Nothing new starts until the file PAUSE is removed from QM_qJobs.", moment{}, ""
	}
	return v
}

// serverText tells of a server that lives.
func serverText(sv *snapshot.Server) string {
	text := "qmserver"
	if sv.Version != "" && sv.Version != "unknown" && sv.Version != "(devel)" {
		text += " " + oneLine(sv.Version)
	}
	if sv.Host != "" {
		text += " on " + oneLine(sv.Host)
	}
	return text
}

func serverMeters(sv *snapshot.Server) []meter {
	var all []meter
	switch {
	case sv.Slots > 0 && sv.Launch == bySlurm:
		all = append(all, ofMany("With Slurm", sv.SlotsUsed, sv.Slots))
	case sv.Slots > 0:
		all = append(all, ofMany("Slots busy", sv.SlotsUsed, sv.Slots))
	}
	if sv.GPUs > 0 {
		all = append(all, ofMany("GPUs busy", sv.GPUsUsed, sv.GPUs))
	}
	if load := sv.Load1; sv.Launch != bySlurm && load != nil && *load >= 0 && *load < 1e6 {
		m := meter{Name: "Load", Big: fmt.Sprintf("%.1f", *load)}
		if sv.Slots > 0 {
			m.Small, m.Percent = "on "+plural(sv.Slots, "slot", "slots"), min(int(100**load/float64(sv.Slots)), 100)
		}
		all = append(all, m)
	}
	if free, total := sv.DiskFree, sv.DiskTotal; free != nil && total != nil && *total > 0 {
		left := min(max(*free, 0), *total)
		used := 100 - int(100*float64(left)/float64(*total))
		all = append(all, meter{Name: "Disk", Big: humanize.IBytes(uint64(left)), Small: "free", Percent: used, Tight: used >= fullDisk})
	}
	return all
}

func ofMany(name string, used, all int) meter {
	used = min(max(used, 0), all)
	m := meter{Name: name, Big: plainNumber(used), Small: "of " + plainNumber(all), Percent: percentOf(used, all)}
	if all <= maxPips {
		for i := range all {
			m.Pips = append(m.Pips, i < used)
		}
	}
	return m
}

func percentOf(part, all int) int { return int(100 * float64(part) / float64(all)) }

func plainNumber(n int) string { return fmt.Sprintf("%d", n) }
