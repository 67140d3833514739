package slurm

import (
	_ "embed"
	"strconv"
	"strings"
	"time"
)

//go:embed wrapper.sh
var wrapper string

// Codes that the wrapper ends with itself, before it has run anything.
const (
	neverSeen = 120 // its folder was not to be seen on the node
	refused   = 121 // the run had begun already, or the node can't write into the folder
)

// threads are the variables by which programs and their libraries are told how
// many threads to start.
var threads = []string{
	"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
	"NUMEXPR_NUM_THREADS", "PYTHON_CPU_COUNT", "GOMAXPROCS",
}

// Script is what runs on the node.
type Script struct {
	Directives []string      // its #SBATCH lines; of two that say something of one thing the later counts
	Folder     string        // path of the job's folder
	Shown      string        // the same for people
	Job        string        // its name
	Token      string        // of this run
	Argv       []string      // what to run in the folder
	NbProc     int           // as the job is told
	Threads    bool          // and its libraries
	Notes      []string      // lines for its log
	Patience   time.Duration // for the folder to be seen on the node
}

// text is the script. What comes from users stands in single quotes.
func (s *Script) text() string {
	var notes strings.Builder
	for _, n := range s.Notes {
		notes.WriteString("QM: " + n + "\n")
	}
	variables := threads
	if !s.Threads {
		variables = nil
	}
	argv := make([]string, len(s.Argv))
	for i, a := range s.Argv {
		argv[i] = quote(a)
	}
	return strings.NewReplacer(
		"@DIRECTIVES@", strings.Join(s.Directives, "\n"),
		"@DIR@", quote(s.Folder),
		"@SHOWN@", quote(s.Shown),
		"@JOB@", quote(s.Job),
		"@TOKEN@", quote(s.Token),
		"@NOTES@", quote(notes.String()),
		"@NB_PROC@", strconv.Itoa(s.NbProc),
		"@THREADS@", strings.Join(variables, " "),
		"@PATIENCE@", strconv.Itoa(int(s.Patience.Seconds())),
		"@ARGV@", strings.Join(argv, " "),
	).Replace(wrapper)
}

// quote writes a text as one word of sh.
func quote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
