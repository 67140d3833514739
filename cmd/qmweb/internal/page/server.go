package page

import (
	"fmt"
	"time"

	"github.com/dustin/go-humanize"

	"qm/cmd/qmweb/internal/snapshot"
)

// maxSlots are the most slots that are drawn one by one.
const maxSlots = 64

// serverView is what the page says of qmserver.
type serverView struct {
	Badge    badge
	Text     string
	Facts    []string
	Slots    []bool // busy or free, one by one; empty if they are too many to draw
	Problems []string
	AsOf     moment
}

func viewServer(sv *snapshot.Server, now time.Time) serverView {
	v := serverView{AsOf: momentOf(sv.AsOf, now)}
	switch {
	case !sv.Known:
		v.Badge, v.Text = badge{"bad", "not running"}, sv.Problem
		return v
	case !sv.Alive:
		v.Badge, v.Text = badge{"bad", "not running"}, "qmserver is not running: what is queued waits until it is started again."
		v.AsOf = moment{}
		if !sv.Beat.IsZero() {
			v.Facts = append(v.Facts, "last seen "+humanize.RelTime(sv.Beat, now, "ago", "from now"))
		}
		return v
	case sv.Paused:
		v.Badge, v.Text = badge{"warn", "paused"}, "The queue is paused: nothing new starts until the file PAUSE is removed from QM_qJobs."
	default:
		v.Badge, v.Text = badge{"good", "running"}, "qmserver is running."
	}
	v.Facts = serverFacts(sv)
	if sv.Slots <= maxSlots {
		for i := range max(sv.Slots, 0) {
			v.Slots = append(v.Slots, i < sv.SlotsUsed)
		}
	}
	for _, p := range sv.Problems {
		v.Problems = append(v.Problems, oneLine(p))
	}
	return v
}

func serverFacts(sv *snapshot.Server) []string {
	facts := []string{fmt.Sprintf("%d of %s busy", sv.SlotsUsed, plural(sv.Slots, "slot", "slots"))}
	if sv.GPUs > 0 {
		facts = append(facts, fmt.Sprintf("%d of %s busy", sv.GPUsUsed, plural(sv.GPUs, "GPU", "GPUs")))
	}
	if sv.Host != "" {
		facts = append(facts, "on "+oneLine(sv.Host))
	}
	if sv.Launch != "" {
		facts = append(facts, oneLine(sv.Launch))
	}
	if sv.Version != "" {
		facts = append(facts, "version "+oneLine(sv.Version))
	}
	return facts
}
