package jobinfo

import (
	"strings"

	"qm/pkg/layout"
)

// parseScript reads the leading comment lines of a shell script: those before
// the first line that is neither blank nor a comment, as sbatch does. In them
// #QM and #SBATCH count where a line begins with just these characters and a
// blank follows. What #QM says wins over #SBATCH. The file itself is what runs.
func (f *form) parseScript(data []byte) {
	text, ok := f.text(data)
	if !ok {
		return
	}
	lines := strings.Split(text, "\n")
	f.shebang(lines[0])
	var slurm []directive
	body := len(lines)
	for i, line := range lines {
		line = strings.TrimSpace(line)
		if line != "" && line[0] != '#' {
			body = i
			break
		}
		if strings.Contains(line, "\r") {
			f.refuse(Refusal{Line: i + 1, Key: "#", Value: line, Problem: "holds a carriage return (CR)", Remedy: "save the script with LF line ends"})
		} else if options, ok := directiveOf(lines[i], "#SBATCH"); ok {
			slurm = append(slurm, directive{line: i + 1, text: options})
		} else if option, ok := directiveOf(lines[i], "#QM"); ok {
			f.option(i+1, option)
		} else if k, ok := nearMiss(line); ok {
			f.warn(", line %d: only a comment: a line for QM begins with #QM, such as %s", i+1, Script.example(k.name, k.example))
		}
	}
	f.sbatch(slurm)
	f.lateDirectives(lines[body:], body)
}

// directive is what follows #SBATCH in a line.
type directive struct {
	line int
	text string
}

func directiveOf(line, mark string) (string, bool) {
	rest, ok := strings.CutPrefix(line, mark)
	if !ok || rest != "" && !strings.Contains(" \t\r", rest[:1]) {
		return "", false
	}
	return strings.TrimSpace(rest), true
}

// shebang splits the first line as the kernel does (execve(2)): interpreter,
// and all that follows as one argument. The kernel would take a CR for a part
// of it.
func (f *form) shebang(line string) {
	rest, ok := strings.CutPrefix(line, "#!")
	if !ok {
		return
	}
	if strings.HasSuffix(rest, "\r") {
		f.warn(", line 1: ends with CR LF, as Windows writes it; save the script with LF, since most interpreters stumble over CR")
	}
	rest = strings.Trim(rest, " \t\r")
	if rest == "" {
		return
	}
	end := strings.IndexAny(rest, " \t")
	if end < 0 {
		f.info.Shebang = []string{rest}
		return
	}
	f.info.Shebang = []string{rest[:end], strings.TrimLeft(rest[end:], " \t")}
}

// option reads what follows #QM in a line: key and value as in a cfg file.
func (f *form) option(line int, text string) {
	end := strings.IndexAny(text, "=:")
	if end <= 0 {
		f.refuse(Refusal{Line: line, Key: "#QM", Value: text, Problem: "no key with a value", Remedy: "write a line such as " + f.info.Format.example("nb_proc", "2")})
		return
	}
	s := setting{key: strings.TrimSpace(text[:end]), value: strings.TrimSpace(text[end+1:]), line: line}
	k, ours := keyOf(s.key)
	switch {
	case !ours:
		f.warn(", line %d: %s is no key of QM and is ignored", line, shorten(s.key))
	case k.name == "script":
		f.warn(", line %d: script is ignored: the file itself is the script", line)
	default:
		f.set(s)
	}
}

var spacedMark = layout.Pattern(`^#\s*(?i:QM)\s+([\w-]+)\s*[:=]`)

// nearMiss finds a comment that was probably meant as #QM.
func nearMiss(line string) (*key, bool) {
	m := spacedMark().FindStringSubmatch(line)
	if m == nil {
		return nil, false
	}
	return keyOf(m[1])
}

// lateDirectives warns of lines that come too late to be read.
func (f *form) lateDirectives(lines []string, before int) {
	for i, line := range lines {
		_, qm := directiveOf(line, "#QM")
		_, slurm := directiveOf(line, "#SBATCH")
		if qm || slurm {
			f.warn(", line %d: not read: #QM and #SBATCH count only above the first command (line %d)", before+i+1, before+1)
			return
		}
	}
}
