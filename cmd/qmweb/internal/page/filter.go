package page

import (
	"strings"

	"qm/cmd/qmweb/internal/snapshot"
	"qm/pkg/layout"
)

// filter is what the list of done jobs was asked to show.
type filter struct {
	Owner, Text string
	Outcomes    []option
	Owners      []string // to choose from
	Active      bool
	Shown       bool   // there is something to filter
	Says        string // what the list is of, where it is not of all
}

type option struct {
	Value, Word string
	Selected    bool
}

// maxChoices is how many owners the filter offers.
const maxChoices = 50

func ownersOf(snap *snapshot.Snapshot) []string {
	var shown []string
	for _, o := range snap.Owners() {
		if len(shown) < maxChoices && o == layout.Display(o) { // what is shown otherwise finds nothing
			shown = append(shown, o)
		}
	}
	return shown
}

func filterOf(q snapshot.Query) *filter {
	f := &filter{Owner: q.Owner, Text: q.Text, Active: q.Owner != "" || q.Text != "" || q.Outcome != ""}
	f.Outcomes = []option{{"", "any outcome", q.Outcome == ""}}
	for _, o := range layout.Outcomes[:4] { // the others end in lost+found
		f.Outcomes = append(f.Outcomes, option{string(o), outcomeWord(o), o == q.Outcome})
	}
	if f.Active {
		f.Says = f.says(q.Outcome)
	}
	return f
}

func outcomeWord(o layout.Outcome) string { return strings.ReplaceAll(string(o), "-", " ") }

// says tells in words what the list is of.
func (f *filter) says(o layout.Outcome) string {
	text := "Only those"
	if o != "" {
		text += " that " + map[layout.Outcome]string{
			layout.Succeeded: "succeeded", layout.Failed: "failed", layout.Stopped: "were stopped", layout.TimedOut: "timed out",
			layout.Interrupted: "were interrupted", layout.Rejected: "were rejected",
		}[o]
	}
	if f.Owner != "" {
		text += " of " + oneLine(f.Owner)
	}
	if f.Text != "" {
		text += " with “" + oneLine(f.Text) + "” in name or description"
	}
	return text + "."
}
