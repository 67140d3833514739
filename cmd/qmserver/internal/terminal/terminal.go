// Package terminal shows, where a person looks, one line of progress for each
// running job below the log.
package terminal

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"qm/cmd/qmserver/internal/spool"
	"qm/pkg/jobinfo"
	"qm/pkg/layout"
)

// Screen is a log on stderr with lines below it that are drawn over. Where
// stdout and stderr are not both a terminal it is the log only. Its methods
// may be called concurrently.
type Screen struct {
	log    io.Writer
	out    *os.File
	active bool

	mu    sync.Mutex
	lines []string // as they are drawn now
}

// New returns a screen that draws to out and logs to log.
func New(out, log *os.File) *Screen {
	active := term.IsTerminal(int(out.Fd())) && term.IsTerminal(int(log.Fd()))
	return &Screen{log: log, out: out, active: active}
}

// Write writes to the log, above the lines.
func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := s.lines
	s.draw(nil)
	n, err := s.log.Write(p)
	s.draw(lines)
	return n, err
}

// Show draws a line for each running job.
func (s *Screen) Show(jobs []spool.RunningJob) {
	if !s.active {
		return
	}
	width, height, err := term.GetSize(int(s.out.Fd()))
	if err != nil {
		width, height = 80, 24
	}
	jobs = jobs[:min(len(jobs), max(1, height-2))] // what has scrolled away can't be drawn over
	lines := make([]string, 0, len(jobs))
	for _, j := range jobs {
		lines = append(lines, cut(lineOf(j), width-1))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draw(lines)
}

// Clear takes the lines away.
func (s *Screen) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draw(nil)
}

// draw replaces the lines, by the control sequences of ECMA-48: cursor up, and
// erase to the end of the screen.
func (s *Screen) draw(lines []string) {
	if !s.active || len(s.lines)+len(lines) == 0 {
		return
	}
	var b strings.Builder
	if n := len(s.lines); n > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r\x1b[J", n)
	}
	for _, line := range lines {
		b.WriteString(line + "\n")
	}
	_, _ = s.out.WriteString(b.String())
	s.lines = lines
}

func cut(line string, width int) string {
	r := []rune(line)
	if len(r) > width && width > 1 {
		return string(r[:width-1]) + "…"
	}
	return line
}

const barWidth = 20

// lineOf tells how far a job is.
func lineOf(j spool.RunningJob) string {
	elapsed := time.Since(j.Started).Round(time.Second)
	head := fmt.Sprintf("%-24s %8s", layout.Display(j.Name), elapsed)
	p, ok := jobinfo.LastProgress(tail(j))
	switch {
	case !ok && j.Words != "":
		return head + "  " + layout.Display(j.Words)
	case !ok:
		return head
	}
	full := min(barWidth, max(0, int(p.Percent/100*barWidth)))
	bar := strings.Repeat("#", full) + strings.Repeat(".", barWidth-full)
	head += fmt.Sprintf("  [%s] %3.0f %%", bar, p.Percent)
	if p.Total > 0 {
		head += fmt.Sprintf("  %d / %d", p.Done, p.Total)
	}
	return head
}

// tail reads the end of the job's log, if it can.
func tail(j spool.RunningJob) []byte {
	parent, err := os.OpenRoot(j.Folder)
	if err != nil {
		return nil
	}
	defer parent.Close()
	dir, err := layout.OpenJob(parent, j.Name)
	if err != nil {
		return nil
	}
	defer dir.Close()
	f, info, err := layout.OpenFile(dir, layout.JobLog)
	if err != nil {
		return nil
	}
	defer f.Close()
	buf := make([]byte, jobinfo.ProgressTail)
	n, _ := f.ReadAt(buf, max(0, info.Size()-jobinfo.ProgressTail))
	return buf[:n]
}
