package stats

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"

	"qm/pkg/layout"
)

// WriteCSV writes Rows as a table (RFC 4180): one line per day or month and
// owner, times in seconds, memory in bytes, empty where nothing is known. Its
// first error is the writer's.
func (s *Stats) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	if err := out.Write(csvHead(s.Step)); err != nil {
		return err
	}
	for i := range s.Rows {
		if err := out.Write(s.Rows[i].record(s.Step)); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func csvHead(step Step) []string {
	head := []string{step.String(), "owner", "jobs"}
	for _, o := range layout.Outcomes {
		head = append(head, strings.ReplaceAll(string(o), "-", "_"))
	}
	return append(head, "unknown", "processor_hours", "cpu_hours", "wait_median", "wait_p90", "run_median", "run_p90",
		"processors_asked", "processors_used", "peak_memory", "median_memory", "memory_asked", "memory_used")
}

func (r *Row) record(step Step) []string {
	form := "2006-01"
	if step == Daily {
		form = "2006-01-02"
	}
	cells := []string{r.Start.Format(form), harmless(r.Owner), strconv.Itoa(r.Jobs)}
	for _, n := range r.Outcomes {
		cells = append(cells, strconv.Itoa(n))
	}
	cells = append(cells, strconv.Itoa(r.Unknown), decimal(r.ProcessorHours, true), decimal(r.CPUHours, r.Asked > 0))
	for _, sp := range []Spread{r.Wait, r.Run} {
		cells = append(cells, seconds(sp.Median, sp.Count > 0), seconds(sp.P90, sp.Count > 0))
	}
	return append(cells, decimal(r.Asked, r.Asked > 0), decimal(r.Used, r.Asked > 0),
		decimal(float64(r.PeakMemory), r.PeakMemory > 0), decimal(float64(r.MedianMemory), r.PeakMemory > 0),
		decimal(r.MemoryAsked, r.MemoryAsked > 0), decimal(r.MemoryUsed, r.MemoryAsked > 0))
}

func seconds(d time.Duration, known bool) string { return decimal(d.Seconds(), known) }

func decimal(v float64, known bool) string {
	if !known {
		return ""
	}
	return strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(v, 'f', 3, 64), "0"), ".")
}

// harmless keeps a spreadsheet from taking an owner's name, which comes out of
// a job's folder, for a formula.
func harmless(s string) string {
	s = layout.Display(s)
	if s != "" && strings.ContainsRune("=+-@", rune(s[0])) {
		return "'" + s
	}
	return s
}
