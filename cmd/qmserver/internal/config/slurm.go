package config

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"qm/pkg/jobinfo"
)

// Cluster is how jobs are given to Slurm, where that is the launch_type.
type Cluster struct {
	Options []string      // of the site, for sbatch; each begins with --
	Most    int           // jobs that Slurm has at a time
	Every   time.Duration // between two questions how they are
}

// reserved are the options of sbatch that QM gives itself, or that would break
// what it goes by, and what to do instead.
var reserved = []struct{ names, problem, remedy string }{
	{"--array", "it starts each job many times", "take it out and drop a folder for each"},
	{"--wait", "sbatch would end when the job does", "take it out: QM waits for each job itself"},
	{"--wrap", "QM gives sbatch a script of its own", "take it out: the command stands in the job's info file"},
	{"--test-only --help --usage --version", "sbatch would start nothing", "take it out"},
	{"--clusters", "QM asks only the cluster of this machine how its jobs are", "take it out and run a qmserver, with a tree of its own, for each cluster"},
	{"--uid --gid", "all jobs are this server's user's", "take it out and start qmserver as the user that they are to be of"},
	{"--output --error --input --open-mode", "the output of each job is in its process.log", "take it out"},
	{"--chdir --workdir", "each job runs in its own folder", "take it out"},
	{"--comment --parsable", "QM knows its jobs by it", "take it out"},
	{"--requeue", "Slurm would run jobs twice", "take it out and write rerun = yes into the info file of those that may"},
}

func readSlurmOptions(c *Config, value string) error {
	words, err := jobinfo.Words(value)
	c.Cluster.Options = words
	return err
}

// checkSlurm tells what can't be given to sbatch and what does not go together
// with launch_type = slurm, and warns of what means nothing then.
func (c *Config) checkSlurm(s *jobinfo.Section) jobinfo.Refusals {
	var faults jobinfo.Refusals
	refuse := func(key, text, problem, remedy string) {
		at, _, _ := s.Get(key)
		faults = append(faults, &jobinfo.Refusal{File: c.File, Line: at.Line, Key: key, Value: text, Problem: problem, Remedy: remedy})
	}
	if c.LaunchType == Slurm && c.RunAs == Owner {
		refuse("run_as", Owner, "with launch_type = slurm all jobs are this server's user's", "write run_as = self, or a launch_type that runs them on this machine")
	}
	for _, word := range c.Cluster.Options {
		if problem, remedy := optionFault(word); problem != "" {
			refuse("slurm_options", word, problem, remedy)
		}
	}
	c.warnOfNoEffect(s)
	return faults
}

// optionFault tells what is wrong with an option of sbatch, and what to do. It
// wants them in one word with their long names: so each is what it looks like.
func optionFault(word string) (problem, remedy string) {
	name, value, valued := strings.Cut(word, "=")
	switch {
	case strings.ContainsFunc(word, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "holds a control character", "take that out"
	case len(name) < 3 || !strings.HasPrefix(name, "--") || valued && value == "":
		return "not an option of sbatch in one word with its long name", "write it such as --partition=long"
	}
	for _, r := range reserved {
		for known := range strings.FieldsSeq(r.names) {
			if strings.HasPrefix(known, name) { // sbatch takes each beginning that can only be one
				return r.problem, r.remedy
			}
		}
	}
	return "", ""
}

// withoutEffect are the keys that mean nothing where Slurm runs the jobs, and
// who decides instead.
var withoutEffect = []struct{ key, instead string }{
	{"MaxNbProcessors", "slurm_max_in_flight says how many jobs Slurm has at a time, and Slurm where there is room"},
	{"affinity", "Slurm decides on which processors a job runs"},
	{"GPUs", "Slurm shares out the GPUs of its nodes"},
	{"MaxMemory", "Slurm shares out the memory of its nodes"},
	{"stop_grace", "KillWait of Slurm's configuration counts"},
}

func (c *Config) warnOfNoEffect(s *jobinfo.Section) {
	warn := func(key, why string) {
		if v, given, _ := s.Get(key); given {
			c.Warnings = append(c.Warnings, fmt.Sprintf("%s, line %d: %s has no effect %s", c.File, v.Line, key, why))
		}
	}
	if c.LaunchType != Slurm {
		for _, key := range []string{"slurm_options", "slurm_max_in_flight", "slurm_poll_interval"} {
			warn(key, "without launch_type = slurm")
		}
		return
	}
	for _, w := range withoutEffect {
		warn(w.key, "with launch_type = slurm: "+w.instead)
	}
}

func readLaunchType(c *Config, value string) error {
	switch word := strings.ToLower(value); word {
	case Blocking, NonBlocking, Slurm:
		c.LaunchType = word
		return nil
	}
	return errors.New("not one of " + Blocking + ", " + NonBlocking + ", " + Slurm)
}
