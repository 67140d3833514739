package check

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"qm/pkg/jobinfo"
	"qm/pkg/layout"
)

// windows tells what the job would trip over on Windows: there a command line is
// read by cmd.
func (h *hinter) windows(info jobinfo.Info) {
	switch info.Format {
	case jobinfo.Script:
		h.say(info.File + " is a shell script, which Windows does not run by itself: it takes a job.bat, or a proc_config.cfg that names what runs it")
		return
	case jobinfo.Batch:
		h.batch(info.File)
		return
	case jobinfo.PowerShell:
		return
	case jobinfo.CFG, jobinfo.XML:
	}
	if m := unixPath().FindStringSubmatch(info.Command); m != nil {
		h.say(layout.Display(m[1]) + " is a path that Windows does not have")
	}
	if sign := shellSign(info.Command); sign != "" {
		h.say("the " + sign + " in the command means something to a shell, and nothing to cmd of Windows")
	}
	for _, w := range words(info.Command) {
		if w.at == 0 {
			h.startedOnWindows(w.text)
		}
		if isBatch(w.text) {
			h.batch(w.text)
		}
	}
}

// unixPath finds a path of Linux or macOS in a command line.
var unixPath = layout.Pattern(`(?:^|[\s<>&|;="'])(/(?:bin|dev|etc|home|opt|proc|sbin|scratch|srv|tmp|usr|var|Users)/[^\s"';&|]*)`)

// shellSign returns the first character that sh reads as more than itself and cmd
// does not, or "".
func shellSign(line string) string {
	quoted := false
	for i, c := range line {
		switch {
		case c == '"':
			quoted = !quoted
		case c == '$' && i+1 < len(line) && !strings.ContainsRune(" \t\"'", rune(line[i+1])), c == '`':
			return string(c)
		case !quoted && (c == '\'' || c == ';'):
			return string(c)
		}
	}
	return ""
}

// unixOnly are commands that Windows does not bring.
var unixOnly = wordSet("sh bash dash ksh zsh env nice nohup ls cp mv rm cat grep sed awk chmod touch sleep true source export ulimit")

// startedOnWindows looks at the first word of a command as cmd does.
func (h *hinter) startedOnWindows(program string) {
	shown := layout.Display(program)
	switch script, ok := h.read(program); {
	case strings.HasPrefix(program, "/"): // told as a path
	case unixOnly[program]:
		h.say(shown + " is no command of Windows, unless someone has put it there")
	case ok && bytes.HasPrefix(script.data, []byte("#!")):
		h.say(shown + " is started by its #! line, which Windows does not read: write its interpreter before it")
	case strings.Contains(program, "/"):
		h.say(fmt.Sprintf(`cmd of Windows takes the / in %s for an option: it needs \ there`, shown))
	}
}

func isBatch(name string) bool {
	return slices.Contains([]string{".bat", ".cmd"}, strings.ToLower(path.Ext(name)))
}

// batch looks at a batch file: cmd finds a label only where lines end as it
// knows them.
func (h *hinter) batch(name string) {
	script, ok := h.read(name)
	if !ok || bytes.Contains(script.data, []byte("\r\n")) {
		return
	}
	lower := bytes.ToLower(script.data)
	if bytes.Contains(lower, []byte("goto ")) || bytes.Contains(lower, []byte("call :")) {
		h.say(script.name + ": its lines end with LF alone, and cmd of Windows may miss its labels then: save it with CR LF line ends")
	}
}
