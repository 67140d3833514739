package jobinfo

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"qm/pkg/layout"
)

// slurmJob gathers the #SBATCH options of a script. As with sbatch, the last
// one of a kind counts. The options and their notation are those of sbatch(1).
type slurmJob struct {
	form    *form
	tasks   int // --ntasks
	cpus    int // --cpus-per-task
	ignored map[string]bool
}

// slurmOption is an option that means the same as a key.
type slurmOption struct {
	long, short string
	key         string
	kind        string
	example     string // empty: takes no argument
	read        func(j *slurmJob, value string) error
}

var slurmOptions = [...]slurmOption{
	{"--cpus-per-task", "-c", "nb_proc", "a number", "2", func(j *slurmJob, v string) error { return readSlurmCount(&j.cpus, v) }},
	{"--ntasks", "-n", "nb_proc", "a number", "2", func(j *slurmJob, v string) error { return readSlurmCount(&j.tasks, v) }},
	{"--time", "-t", "time_limit", "a time", "2:30:00", readSlurmTime},
	{"--mem", "", "memory", "an amount", "4G", readSlurmMemory},
	{"--gres", "", "nb_gpu", "a list", "gpu:1", readSlurmGres},
	{"--gpus", "-G", "nb_gpu", "a number", "1", readSlurmGPUs},
	{"--mail-user", "", "e_mail", "one address", "me@example.org", func(j *slurmJob, v string) error { return readEMail(&j.form.info, v) }},
	{"--comment", "", "info", "a line", "first", func(j *slurmJob, v string) error { return readInfo(&j.form.info, v) }},
	{"--requeue", "", "rerun", "", "", func(j *slurmJob, _ string) error { j.form.info.Rerun = true; return nil }},
	{"--no-requeue", "", "rerun", "", "", func(j *slurmJob, _ string) error { j.form.info.Rerun = false; return nil }},
}

// sbatch reads the #SBATCH lines. Keys that #QM gave stay as they are.
func (f *form) sbatch(lines []directive) {
	j := slurmJob{form: f, tasks: 1, cpus: 1, ignored: map[string]bool{}}
	for _, line := range lines {
		words, err := splitWords(line.text)
		if err != nil {
			f.refuse(Refusal{Line: line.line, Key: "#SBATCH", Value: line.text, Problem: err.Error(), Remedy: "close the quote"})
			continue
		}
		for len(words) > 0 {
			words = j.option(line.line, words)
		}
		f.info.Slurm.Lines = append(f.info.Slurm.Lines, "#SBATCH "+line.text)
	}
	f.directives()
	if _, given := f.given["nb_proc"]; given {
		return
	}
	if int64(j.tasks)*int64(j.cpus) > math.MaxInt32 {
		f.refuse(Refusal{Problem: fmt.Sprintf("--ntasks and --cpus-per-task ask for %d times %d processors", j.tasks, j.cpus), Remedy: "write smaller numbers"})
		return
	}
	f.info.NbProc = j.tasks * j.cpus
}

// option reads the first option of words and returns the words behind it.
func (j *slurmJob) option(line int, words []string) []string {
	name, value, attached := splitOption(words[0])
	rest := words[1:]
	if strings.HasPrefix(name, "-") {
		j.form.info.Slurm.Options = append(j.form.info.Slurm.Options, name)
	}
	o := findOption(name)
	if o == nil {
		j.ignore(line, name)
		if strings.HasPrefix(name, "-") && !attached && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
			return rest[1:] // its argument, as far as one can tell
		}
		return rest
	}
	if o.example != "" && !attached {
		if len(rest) == 0 {
			j.form.refuse(Refusal{Line: line, Key: name, Problem: "nothing follows this option", Remedy: o.remedy()})
			return nil
		}
		value, rest = rest[0], rest[1:]
	}
	j.set(o, setting{key: name, value: value, line: line})
	return rest
}

// splitOption parts --name=value and -nvalue.
func splitOption(word string) (name, value string, attached bool) {
	switch {
	case strings.HasPrefix(word, "--"):
		return strings.Cut(word, "=")
	case len(word) > 2 && word[0] == '-' && word[1] < 0x80:
		return word[:2], strings.TrimPrefix(word[2:], "="), true
	}
	return word, "", false
}

func findOption(name string) *slurmOption {
	for i := range slurmOptions {
		if o := &slurmOptions[i]; name == o.long || name == o.short && name != "" {
			return o
		}
	}
	return nil
}

func (o *slurmOption) remedy() string {
	return fmt.Sprintf("write %s such as #SBATCH %s=%s", o.kind, o.long, o.example)
}

// ignore names each other option in one warning.
func (j *slurmJob) ignore(line int, name string) {
	if j.ignored[name] {
		return
	}
	j.ignored[name] = true
	before := len(j.form.info.Warnings)
	if strings.HasPrefix(name, "-") {
		j.form.warn(", line %d: #SBATCH %s means nothing here and is ignored", line, layout.Display(shorten(name)))
	} else {
		j.form.warn(", line %d: %q is no option of #SBATCH and is ignored", line, shorten(name))
	}
	j.form.info.Slurm.Ignored = append(j.form.info.Slurm.Ignored, j.form.info.Warnings[before:]...)
}

// directives notes what the options together decide about, unless #QM does.
func (f *form) directives() {
	about := func(key string, names ...string) bool {
		_, given := f.given[key]
		return !given && slices.ContainsFunc(f.info.Slurm.Options, func(o string) bool { return slices.Contains(names, o) })
	}
	f.info.Slurm.Processors = about("nb_proc", "-n", "--ntasks", "-c", "--cpus-per-task", "-N", "--nodes", "-B",
		"--ntasks-per-node", "--ntasks-per-core", "--ntasks-per-socket", "--ntasks-per-gpu", "--cores-per-socket",
		"--sockets-per-node", "--threads-per-core", "--extra-node-info", "--cpus-per-gpu")
	f.info.Slurm.GPUs = about("nb_gpu", "--gres", "-G", "--gpus", "--gpus-per-node", "--gpus-per-task", "--gpus-per-socket")
}

func (j *slurmJob) set(o *slurmOption, s setting) {
	if _, given := j.form.given[o.key]; given {
		return
	}
	if err := o.read(j, s.value); err != nil {
		k, _ := keyOf(o.key)
		j.form.refuseValue(&key{name: k.name, kind: o.kind}, s, err, "#SBATCH "+o.long+"="+o.example)
	}
}

func readSlurmCount(n *int, value string) error {
	count, ok := readCount(value)
	if !ok || count < 1 {
		return numberError(value, "not a positive integer")
	}
	*n = count
	return nil
}

// slurmTime holds minutes, MM:SS, HH:MM:SS (1 to 3), or days with HH, HH:MM
// or HH:MM:SS (4 to 7). No field has an upper limit.
var slurmTime = layout.Pattern(`^(?:(?:([0-9]+):)??([0-9]+)(?::([0-9]+))?|([0-9]+)-([0-9]+)(?::([0-9]+)(?::([0-9]+))?)?)$`)

func readSlurmTime(j *slurmJob, value string) error {
	switch strings.ToUpper(value) {
	case "0", "-1", "UNLIMITED", "INFINITE":
		j.form.info.Limit = 0
		return nil
	}
	parts := slurmTime().FindStringSubmatch(value)
	if parts == nil {
		return errNoTime
	}
	limit, err := slurmSeconds(parts)
	if err == nil {
		j.form.info.Limit = limit // 0, however written, is no limit
	}
	return err
}

func slurmSeconds(parts []string) (time.Duration, error) {
	if parts[4] != "" {
		return seconds(parts[4:8])
	}
	return seconds([]string{"", parts[1], parts[2], parts[3]})
}

// readSlurmMemory reads --mem: megabytes if no unit is given; 0 is all of the
// machine's memory, so no limit.
func readSlurmMemory(j *slurmJob, value string) error {
	if digits().MatchString(value) {
		value += "M"
	}
	n, err := ParseBytes(value)
	if errors.Is(err, errZero) {
		n, err = 0, nil
	}
	if err == nil {
		j.form.info.Memory = n
	}
	return err
}

// readSlurmGres reads --gres=gpu[:type][:N],...; what is no GPU is ignored.
func readSlurmGres(j *slurmJob, value string) error {
	sum, found := 0, false
	for item := range strings.SplitSeq(value, ",") {
		rest, ok := strings.CutPrefix(item, "gpu")
		if !ok || rest != "" && rest[0] != ':' {
			continue
		}
		n, err := gpuCount(strings.TrimPrefix(rest, ":"), 1)
		if err != nil {
			return err
		}
		sum, found = sum+n, true
	}
	return j.setGPUs(sum, found)
}

// readSlurmGPUs reads --gpus=[type:]N,...
func readSlurmGPUs(j *slurmJob, value string) error {
	sum := 0
	for item := range strings.SplitSeq(value, ",") {
		n, err := gpuCount(item, -1)
		if err != nil {
			return err
		}
		sum += n
	}
	return j.setGPUs(sum, true)
}

func (j *slurmJob) setGPUs(n int, found bool) error {
	if n > math.MaxInt32 {
		return numberError(strconv.Itoa(n), "not a number of GPUs")
	}
	if found {
		j.form.info.NbGPU = n
	}
	return nil
}

// gpuCount reads N, type:N, or, where a default is not negative, type alone.
func gpuCount(item string, byDefault int) (int, error) {
	kind, number, typed := strings.Cut(item, ":")
	if !typed {
		number = kind
	}
	if n, ok := readCount(number); ok {
		return n, nil
	}
	if byDefault >= 0 && !typed && !digits().MatchString(number) {
		return byDefault, nil
	}
	return 0, numberError(number, "not a number of GPUs")
}
