package slurm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Mark begins the comment of each of our Slurm jobs; the token follows.
const Mark = "qm:"

// Request is what is asked of sbatch.
type Request struct {
	Script
	Placed bool // its directives say how many processors it needs
	GPUs   int  // whole ones, if its directives do not say it
	Memory int64
	Limit  time.Duration // 0: the partition's
	Nice   int
}

// Submit gives a run to Slurm and returns the id of the Slurm job. The error is a
// *Failure; whether it has the job all the same, Failure.Unknown tells.
func (c *Client) Submit(ctx context.Context, r Request) (string, error) {
	out, err := c.run(ctx, submitWithin, r.text(), "sbatch", r.args()...)
	if err != nil {
		return "", err
	}
	id, _, _ := strings.Cut(strings.TrimSpace(out), ";")
	if _, err := strconv.ParseUint(id, 10, 32); err != nil {
		return "", &Failure{Command: "sbatch", Text: fmt.Sprintf("answers %q and no id of a job", id), silent: true}
	}
	return id, nil
}

// args are those that hold, whatever the directives say.
func (r *Request) args() []string {
	args := []string{
		"--parsable", "--job-name=" + jobName(r.Job), "--comment=" + Mark + r.Token,
		"--no-requeue", "--propagate=NONE", "--export=ALL",
		"--chdir=" + r.Folder, "--output=" + r.output(), "--error=" + r.output(), "--open-mode=append", "--input=/dev/null",
	}
	if !r.Placed {
		args = append(args, "--nodes=1", "--ntasks="+strconv.Itoa(r.NbProc))
		if len(r.Directives) > 0 {
			args = append(args, "--cpus-per-task=1")
		}
	}
	if r.GPUs > 0 {
		args = append(args, "--gres=gpu:"+strconv.Itoa(r.GPUs))
	}
	if r.Memory > 0 {
		const megabyte = 1 << 20
		args = append(args, fmt.Sprintf("--mem=%dM", (r.Memory+megabyte-1)/megabyte))
	}
	if r.Limit > 0 {
		args = append(args, "--time="+minutes(r.Limit))
	}
	if r.Nice > 0 {
		args = append(args, "--nice="+strconv.Itoa(r.Nice))
	}
	return args
}

// minutes is a limit in Slurm's unit, not shorter than it was asked for.
func minutes(limit time.Duration) string {
	return strconv.FormatInt(int64((limit+time.Minute-1)/time.Minute), 10)
}

// niceStep is how far a priority of QM's lets those above it go before: with
// Slurm's plainest priorities each submission is one behind the last.
const niceStep = 1000

// Nice is what a priority of QM's is for Slurm, where top is the highest of those
// that wait there, or 0: only its operators may prefer a job to those of others,
// so what is below stands back.
func Nice(priority, top int) int {
	return min(max(0, top-priority), 1_000_000) * niceStep
}

// Renice changes the nice value of jobs that wait.
func (c *Client) Renice(ctx context.Context, ids []string, nice int) error {
	_, err := c.run(ctx, askWithin, "", "scontrol", "update", "JobId="+strings.Join(ids, ","), "Nice="+strconv.Itoa(nice))
	return err
}

// output is where slurmstepd writes why it ends a job: into its log, where the
// path can be told. In it % and \ would be patterns.
func (r *Request) output() string {
	if strings.ContainsAny(r.Folder, `%\`) {
		return "/dev/null"
	}
	return r.Folder + "/process.log"
}

// jobName is a name that a line of squeue can hold.
func jobName(name string) string {
	const most = 64
	clean := strings.Map(func(c rune) rune {
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.ContainsRune("._+-", c) {
			return c
		}
		return '_'
	}, name)
	return "qm-" + clean[:min(len(clean), most)]
}

// Directive writes options, each in a word, as a line of a script for sbatch.
func Directive(words []string) string {
	escaped := make([]string, len(words))
	for i, w := range words {
		escaped[i] = strings.NewReplacer(`\`, `\\`, " ", `\ `, "\t", "\\\t", `"`, `\"`, "'", `\'`, "#", `\#`).Replace(w)
	}
	return "#SBATCH " + strings.Join(escaped, " ")
}

// broken are the options that a job's script may not ask for, and why.
var broken = []struct{ long, short, why string }{
	{"--array", "-a", "it starts a job many times; drop a folder for each"},
	{"--wait", "-W", "QM waits for each job itself; take it out"},
	{"--wrap", "", "the script is the command; take it out"},
	{"--test-only", "", "nothing would run; take it out"},
	{"--help", "-h", "nothing would run; take it out"},
	{"--usage", "", "nothing would run; take it out"},
	{"--version", "-V", "nothing would run; take it out"},
	{"--clusters", "-M", "QM asks only the cluster of its own machine; take it out"},
	{"--uid", "", "all jobs are the server's user's; take it out"},
	{"--gid", "", "all jobs are the server's user's; take it out"},
}

// Check tells which of the options that a script asks for can't be held, or nil.
func Check(options []string, lines []string) error {
	for _, o := range options {
		for _, b := range broken {
			// sbatch takes the beginning of a long name for all of it.
			if o == b.short || len(o) > 3 && strings.HasPrefix(b.long, o) {
				return fmt.Errorf("#SBATCH %s: %s", o, b.why)
			}
		}
	}
	if slices.ContainsFunc(lines, isHeterogeneous) {
		return errors.New("#SBATCH hetjob: a job of several parts is none that QM can follow; take it out")
	}
	return nil
}

// Remarks tells what of a script's #SBATCH lines is another thing here than where
// it is a batch script itself.
func Remarks(lines []string) []string {
	signal := func(line string) bool { return strings.Contains(line, "--signal") && strings.Contains(line, "B:") }
	if slices.ContainsFunc(lines, signal) {
		return []string{"#SBATCH --signal=B: reaches QM's batch script and not this one, which runs in it; without B: it reaches what srun starts"}
	}
	return nil
}

func isHeterogeneous(line string) bool {
	words := strings.Fields(line)
	return len(words) > 1 && (words[1] == "hetjob" || words[1] == "packjob")
}
