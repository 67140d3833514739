package page

import (
	"fmt"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"qm/cmd/qmweb/internal/snapshot"
	"qm/pkg/layout"
)

// fact is a line of a table. Of Text and Time one is set.
type fact struct {
	Name, Text string
	Time       moment
	Code       bool // Text is a command
}

// facts collects those that are known.
type facts []fact

func (f *facts) add(name, text string) {
	if text != "" {
		*f = append(*f, fact{Name: name, Text: bounded(oneLine(text))})
	}
}

// maxFact is the longest text of a fact, in bytes.
const maxFact = 4 << 10

func bounded(text string) string {
	if len(text) <= maxFact {
		return text
	}
	return strings.ToValidUTF8(text[:maxFact], "") + "…"
}

func (f *facts) addTime(name string, t time.Time, c clock) {
	if !t.IsZero() {
		*f = append(*f, fact{Name: name, Time: c.moment(t)})
	}
}

func askedFacts(d *snapshot.Detail) []fact {
	var f facts
	a := &d.Asked
	if d.Script != "" {
		f = append(f, fact{Name: "command", Text: layout.Display(d.Script), Code: true})
	}
	if a.NbProc > 0 && a.File != "" {
		f.add("processors", humanize.Comma(int64(a.NbProc)))
	}
	if a.Priority != 0 {
		f.add("priority", humanize.Comma(int64(a.Priority)))
	}
	if a.Limit > 0 {
		f.add("time limit", span(a.Limit))
	}
	if a.Memory > 0 {
		f.add("memory", humanize.IBytes(uint64(a.Memory)))
	}
	if a.NbGPU > 0 {
		f.add("GPUs", humanize.Comma(int64(a.NbGPU)))
	}
	f.add("size", d.Size)
	f.add("after", strings.Join(a.After, ", "))
	if a.MaxLog > 0 {
		f.add("longest log", humanize.IBytes(uint64(a.MaxLog)))
	}
	if a.Rerun {
		f.add("rerun", "yes, after an interruption")
	}
	f.add("mail to", a.EMail)
	f.add("info file", a.File)
	return f
}

func ranFacts(d *snapshot.Detail, c clock) []fact {
	var f facts
	f.addTime("came", d.Submitted, c)
	f.addTime("started", d.Started, c)
	f.addTime("ended", d.Finished, c)
	f.add("exit", exitWords(d.Job))
	if r := d.Record; r != nil {
		if r.Host != nil {
			f.add("on", *r.Host)
		}
		if len(r.CPUs) > 0 {
			f.add("pinned to", nounFor(len(r.CPUs), "processor", "processors")+" "+cpuList(r.CPUs))
		}
		f.add("GPUs", strings.Join(r.GPUs, ", "))
		if r.Attempt > 1 {
			f.add("attempt", humanize.Comma(int64(r.Attempt)))
		}
	}
	return f
}

func exitWords(j *snapshot.Job) string {
	switch {
	case j.Signal != nil:
		return fmt.Sprintf("killed by signal %d", *j.Signal)
	case j.ExitCode != nil:
		return fmt.Sprintf("code %d", *j.ExitCode)
	}
	return ""
}

func usedFacts(d *snapshot.Detail, now time.Time) []fact {
	var f facts
	elapsed, ok := d.Elapsed(now)
	if ok && d.State != layout.Running {
		f.add("time", span(elapsed))
	}
	if r := d.Record; r != nil && r.CPUSeconds != nil && *r.CPUSeconds >= 0 && *r.CPUSeconds < 1e9 {
		used := time.Duration(*r.CPUSeconds * float64(time.Second))
		f.add("processor time", span(used))
		if ok && elapsed > time.Second && d.NbProc > 0 {
			f.add("processors", procsText(d, used.Seconds()/elapsed.Seconds()))
		}
	}
	if r := d.Record; r != nil && r.PeakMemoryBytes != nil && *r.PeakMemoryBytes > 0 {
		text := humanize.IBytes(uint64(*r.PeakMemoryBytes))
		if d.Asked.Memory > 0 {
			text += " of " + humanize.IBytes(uint64(d.Asked.Memory))
		}
		f.add("most memory", text)
	}
	return f
}

// procsText holds what a job used of its processors, on average, against what it
// asked for.
func procsText(d *snapshot.Detail, used float64) string {
	if d.Asked.NbProc > d.NbProc {
		return fmt.Sprintf("%d asked, %d given, %.1f used", d.Asked.NbProc, d.NbProc, used)
	}
	return fmt.Sprintf("%d asked, %.1f used", d.NbProc, used)
}

// cpuList writes processors as ranges: "0-3, 8".
func cpuList(cpus []int) string {
	const most = 256
	var parts []string
	for i := 0; i < len(cpus) && i < most; {
		j := i
		for j+1 < len(cpus) && cpus[j+1] == cpus[j]+1 {
			j++
		}
		part := fmt.Sprint(cpus[i])
		if j > i {
			part += fmt.Sprintf("-%d", cpus[j])
		}
		parts, i = append(parts, part), j+1
	}
	return strings.Join(parts, ", ")
}
