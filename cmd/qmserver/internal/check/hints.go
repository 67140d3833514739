package check

import (
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"qm/pkg/jobinfo"
	"qm/pkg/layout"
)

const (
	maxHead  = 64 << 10 // bytes of a script that are read
	maxWords = 200      // of a command line that are looked at
)

// hinter finds what a job trips over that was made on another system, or for
// another machine. It opens regular files of the job's folder alone.
type hinter struct {
	dir   *os.Root
	path  string // PATH of the jobs
	here  bool   // it is this system that is spoken of: what must be there can be looked for
	hints []string
}

// hints tells what the job of this folder would trip over here, and what on the
// other systems, in words.
func hints(dir *os.Root, job string, info jobinfo.Info, path string) (here, elsewhere []string) {
	onWindows := runtime.GOOS == "windows"
	unix := &hinter{dir: dir, path: path, here: !onWindows}
	unix.unix(info)
	windows := &hinter{dir: dir, path: path, here: onWindows}
	windows.windows(info)
	faults := nameFaults(dir, job)
	if onWindows {
		return windows.hints, append(unix.hints, faults...)
	}
	return unix.hints, append(windows.hints, faults...)
}

// unix tells what the job would trip over on Linux and macOS.
func (h *hinter) unix(info jobinfo.Info) {
	if info.Format == jobinfo.Batch || info.Format == jobinfo.PowerShell {
		h.say(info.File + " is a script for Windows: Linux and macOS take a job.sh, or a proc_config.cfg that names what runs it")
		return
	}
	if info.Format == jobinfo.Script {
		h.ownScript(info)
	}
	h.commandLine(info.Command)
}

func (h *hinter) say(hints ...string) {
	for _, hint := range hints {
		if !slices.Contains(h.hints, hint) {
			h.hints = append(h.hints, hint)
		}
	}
}

// ownScript looks at a job that is its own script. Its #! line is obeyed without
// an x bit, and whatever it ends with: jobinfo tells of that.
func (h *hinter) ownScript(info jobinfo.Info) {
	program := interpreterOf(strings.Fields(strings.Join(info.Shebang, " ")))
	if h.here && program != "" && !h.isThere(program) {
		h.say(noInterpreter(info.File, program))
	}
	told := slices.ContainsFunc(info.Warnings, func(w string) bool { return strings.Contains(w, "CR LF") })
	if script, ok := h.read(info.File); ok && !told {
		h.say(script.faults(false, program == "" || isShell(program))...)
	}
}

func noInterpreter(name, program string) string {
	return fmt.Sprintf("%s: the interpreter of its #! line, %s, is not here", layout.Display(name), layout.Display(program))
}

// drive finds a path of Windows, such as C:\data, in a command line.
var drive = layout.Pattern(`(?:^|[^A-Za-z0-9])([A-Za-z]:[\\/][^\s"']*)`)

func (h *hinter) commandLine(line string) {
	if m := drive().FindStringSubmatch(line); m != nil {
		h.say(fmt.Sprintf("%s is a path of Windows: what lies in the job's folder has no drive before its name", layout.Display(m[1])))
	}
	h.backslashes(line)
	all := words(line)
	for i, w := range all[:min(len(all), maxWords)] {
		if w.at == 0 {
			h.program(w)
			continue
		}
		h.argument(w.text)
		if script, ok := h.read(w.text); ok && isShellsScript(all[:i+1]) {
			h.say(script.faults(false, true)...)
		}
	}
}

// backslashes looks for files of the folder that the line names as Windows does.
func (h *hinter) backslashes(line string) {
	for w := range strings.FieldsSeq(line) {
		w = strings.Trim(w, `"'`)
		slashed := strings.ReplaceAll(w, `\`, "/")
		if slashed == w || !filepath.IsLocal(slashed) {
			continue
		}
		if _, err := h.dir.Lstat(path.Clean(slashed)); err == nil {
			h.say(fmt.Sprintf(`%s in the command: only Windows takes \ between folders; write %s`, layout.Display(w), layout.Display(slashed)))
		}
	}
}

// isShellsScript tells whether the last word is the script that a shell is to
// read: its first argument that is no option, if there is no -c.
func isShellsScript(all []word) bool {
	last := all[len(all)-1]
	for i := len(all) - 2; i >= 0 && all[i].command == last.command; i-- {
		w := all[i]
		switch {
		case w.at == 0:
			return isShell(w.text)
		case !strings.HasPrefix(w.text, "-") || !strings.HasPrefix(w.text, "--") && strings.Contains(w.text, "c"):
			return false
		}
	}
	return false
}

// program looks at the first word of a command. What commands before it may make
// or bring is not missed.
func (h *hinter) program(w word) {
	shown := layout.Display(w.text)
	local := strings.Contains(w.text, "/") && !strings.HasPrefix(w.text, "/")
	switch {
	case builtins[w.text]:
	case h.isThere(w.text):
		if local {
			h.executed(w.text)
		}
	case !h.here && isWindowsProgram(w.text):
		h.say(shown + " is a program for Windows")
	case !h.here, w.command > 0:
	case local && h.otherCase(w.text) != "":
		h.argument(w.text)
	case local:
		h.say(shown + " is not in the folder")
	case strings.HasPrefix(w.text, "/"):
		h.say(shown + " is not here")
	case h.lies(w.text):
		h.say(fmt.Sprintf("%s lies in the folder, where a shell does not look for commands: write ./%s", shown, shown))
	default:
		h.say(fmt.Sprintf("%s is not here (PATH is %s)", shown, h.path))
	}
}

func isWindowsProgram(name string) bool {
	return isBatch(name) || strings.EqualFold(path.Ext(name), ".exe")
}

// executed looks at a file of the folder that is to be executed.
func (h *hinter) executed(name string) {
	script, ok := h.read(name)
	if !ok {
		return
	}
	if info, err := h.dir.Stat(path.Clean(name)); h.here && err == nil && info.Mode().Perm()&0o111 == 0 {
		h.say(fmt.Sprintf("%s has no x bit and can't be executed: chmod +x it, or write its interpreter before it", layout.Display(name)))
	}
	faults := script.faults(true, false)
	h.say(faults...)
	if program := script.interpreter(); h.here && len(faults) == 0 && program != "" && !h.isThere(program) {
		h.say(noInterpreter(name, program))
	}
}

// argument looks at a word that may name a file of the folder.
func (h *hinter) argument(name string) {
	if other := h.otherCase(name); other != "" {
		h.say(fmt.Sprintf("the command says %s, and in the folder lies %s: case and accents count", layout.Display(name), layout.Display(other)))
	}
}

// otherCase returns a name in the folder that differs from this one only in case,
// or in how an accent is written, if this one is not there.
func (h *hinter) otherCase(name string) string {
	name = path.Clean(name)
	if _, err := h.dir.Lstat(name); err == nil || strings.Contains(name, "/") {
		return ""
	}
	f, err := layout.OpenHere(h.dir)
	if err != nil {
		return ""
	}
	defer f.Close()
	all, _ := f.Readdirnames(maxNames) // those that could be read
	if i := slices.IndexFunc(all, func(other string) bool { return other != name && folded(other) == folded(name) }); i >= 0 {
		return all[i]
	}
	return ""
}

// isThere tells whether a shell in the folder would find the program.
func (h *hinter) isThere(program string) bool {
	switch {
	case strings.HasPrefix(program, "/"):
		_, err := os.Stat(program)
		return err == nil
	case strings.Contains(program, "/"):
		_, err := h.dir.Lstat(path.Clean(program))
		return err == nil
	}
	return slices.ContainsFunc(filepath.SplitList(h.path), func(folder string) bool {
		info, err := os.Stat(filepath.Join(folder, program))
		return err == nil && !info.IsDir() && info.Mode().Perm()&0o111 != 0
	})
}

// lies tells whether a regular file of this name lies in the folder.
func (h *hinter) lies(name string) bool {
	info, err := h.dir.Lstat(name)
	return err == nil && info.Mode().IsRegular()
}

// read reads the beginning of a regular file in the folder.
func (h *hinter) read(name string) (head, bool) {
	f, _, err := layout.OpenFile(h.dir, path.Clean(name))
	if err != nil {
		return head{}, false
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxHead))
	return head{name: layout.Display(name), data: data}, err == nil
}
