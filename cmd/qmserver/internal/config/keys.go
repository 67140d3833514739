package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"qm/pkg/jobinfo"
)

// Key is one key of the section, as the README lists it.
type Key struct {
	Name    string
	Example string
	Meaning string

	read func(c *Config, value string) error // the error is the problem in words
}

// Keys lists all keys, those of the Python program first.
var Keys = []Key{
	{Name: "QM_FOLDER", Example: "QM", Meaning: "the tree; relative to the file's folder", read: text(func(c *Config) *string { return &c.Folder })},
	{Name: "MaxNbProcessors", Example: "4", Meaning: "slots: the most processors that all running jobs ask for together; default all of the machine", read: positive(func(c *Config) *int { return &c.MaxNbProcessors })},
	{Name: "launch_type", Example: NonBlocking, Meaning: "`non-blocking`: as many jobs as fit; `blocking`: one at a time; `slurm`: Slurm runs them, on its cluster", read: readLaunchType},
	{Name: "job_file", Example: "proc_config.cfg, infos.xml, job.sh", Meaning: "name of the info file, or several by comma, of which the first that exists counts", read: readJobFiles},
	{Name: "MailActive", Example: "no", Meaning: "mail at the end of a job, to its `e_mail`", read: yesNo(func(c *Config) *bool { return &c.MailActive })},
	{Name: "Debug", Example: "no", Meaning: "more log lines", read: yesNo(func(c *Config) *bool { return &c.Debug })},

	{Name: "poll_interval", Example: "1", Meaning: "seconds between two looks at the folders", read: seconds(func(c *Config) *time.Duration { return &c.PollInterval }, 10*time.Millisecond)},
	{Name: "events", Example: "auto", Meaning: "`auto`: file events make changes known at once where they work; `off`: the folders are only looked at", read: choice(func(c *Config) *string { return &c.Events }, Auto, Off)},
	{Name: "settle_time", Example: "2", Meaning: "seconds for which a folder that is copied in must not change; default 2, on a network file system 10", read: readSettleTime},
	{Name: "stop_grace", Example: "10", Meaning: "seconds from TERM to KILL when a job is stopped", read: seconds(func(c *Config) *time.Duration { return &c.StopGrace }, 0)},
	{Name: "max_time_limit", Example: "7d", Meaning: "the longest `time_limit`, also for jobs that ask for none", read: readMaxTimeLimit},

	{Name: "order", Example: Arrival, Meaning: "within a priority; `arrival`: who came first; `fair`: the owner with the fewest busy processors first, then who came first", read: choice(func(c *Config) *string { return &c.Order }, Arrival, Fair)},
	{Name: "affinity", Example: "auto", Meaning: "`auto`: each job is pinned to as many processors of its own as it asks for, where the system can do that; `off`: it is told how many, and may use all", read: choice(func(c *Config) *string { return &c.Affinity }, Auto, Off)},
	{Name: "GPUs", Example: "0,1", Meaning: "the GPUs that are shared out, by comma, as CUDA_VISIBLE_DEVICES calls them", read: readGPUs},
	{Name: "MaxMemory", Example: "16G", Meaning: "what the jobs that ask for memory may have together; default 90 % of the machine's", read: bytes(func(c *Config) *int64 { return &c.MaxMemory })},
	{Name: "max_log", Example: "1G", Meaning: "the most that a process.log may grow to where the job says nothing; default no limit", read: bytes(func(c *Config) *int64 { return &c.MaxLog })},
	{Name: "min_free", Example: "1G", Meaning: "nothing new starts while less of the tree's disk is free", read: bytes(func(c *Config) *int64 { return &c.MinFree })},

	{Name: "run_as", Example: Owner, Meaning: "`owner`: each job runs as the owner of its folder, which needs root; `self`: all run as the server's user", read: choice(func(c *Config) *string { return &c.RunAs }, Owner, Self)},
	{Name: "path", Example: "/usr/local/bin:/usr/bin:/bin", Meaning: "PATH of the jobs with `run_as = owner`", read: text(func(c *Config) *string { return &c.Path })},

	{Name: "log_file", Example: "QueueManager.log", Meaning: "the server's log; relative to the tree", read: text(func(c *Config) *string { return &c.LogFile })},
	{Name: "log_max_size", Example: "10M", Meaning: "size at which the log is rotated", read: readLogMaxSize},
	{Name: "log_keep", Example: "5", Meaning: "how many rotated logs are kept", read: positive(func(c *Config) *int { return &c.LogKeep })},

	{Name: "smtp_host", Example: "smtp.example.org", Meaning: "mail server; default localhost", read: readSMTPHost},
	{Name: "smtp_port", Example: "587", Meaning: "its port; default 25, with starttls 587, with tls 465", read: readPort},
	{Name: "smtp_tls", Example: "starttls", Meaning: "`none`; `starttls`, and not without; `tls`: from the first byte", read: readSMTPTLS},
	{Name: "smtp_user", Example: "qm", Meaning: "user at the mail server; default no log-in", read: oneLine(func(c *Config) *string { return &c.Mail.User })},
	{Name: "smtp_password_file", Example: "smtp.password", Meaning: "file whose first line is the password; relative to the configuration", read: text(func(c *Config) *string { return &c.Mail.PasswordFile })},
	{Name: "mail_from", Example: "qm@example.org", Meaning: "sender of the mail; default the server's user at its machine", read: readMailFrom},
	{Name: "web_url", Example: "http://localhost:8000", Meaning: "where qmweb's pages begin, for links in mail", read: readWebURL},

	{Name: "slurm_options", Example: "--partition=long --account=chem", Meaning: "with `launch_type = slurm`: what your site asks of sbatch, each option in one word with its long name", read: readSlurmOptions},
	{Name: "slurm_max_in_flight", Example: "200", Meaning: "the most jobs that Slurm has at a time; the others wait in the queue, in its order", read: positive(func(c *Config) *int { return &c.Cluster.Most })},
	{Name: "slurm_poll_interval", Example: "10", Meaning: "seconds between two questions to Slurm how the jobs are", read: seconds(func(c *Config) *time.Duration { return &c.Cluster.Every }, 100*time.Millisecond)},
}

func find(name string) *Key {
	for i, k := range Keys {
		if strings.EqualFold(k.Name, name) {
			return &Keys[i]
		}
	}
	return nil
}

var errEmpty = errors.New("empty")

func text(field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, value string) error {
		if value == "" {
			return errEmpty
		}
		*field(c) = value
		return nil
	}
}

func positive(field func(*Config) *int) func(*Config, string) error {
	return func(c *Config, value string) error {
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 {
			return errors.New("not a positive integer")
		}
		*field(c) = n
		return nil
	}
}

// yesNo takes the words that Python's ConfigParser.getboolean takes.
func yesNo(field func(*Config) *bool) func(*Config, string) error {
	return func(c *Config, value string) error {
		switch strings.ToLower(value) {
		case "yes", "true", "on", "1":
			*field(c) = true
		case "no", "false", "off", "0":
			*field(c) = false
		default:
			return errors.New("neither yes nor no")
		}
		return nil
	}
}

// seconds takes a number of seconds, with a fraction if need be.
func seconds(field func(*Config) *time.Duration, least time.Duration) func(*Config, string) error {
	const most = 24 * time.Hour
	return func(c *Config, value string) error {
		f, err := strconv.ParseFloat(value, 64)
		if err != nil || !(f >= least.Seconds() && f <= most.Seconds()) {
			return fmt.Errorf("not a number of seconds from %v to %v", least.Seconds(), most.Seconds())
		}
		*field(c) = time.Duration(f * float64(time.Second))
		return nil
	}
}

// choice takes one of two words, in any case.
func choice(field func(*Config) *string, one, other string) func(*Config, string) error {
	return func(c *Config, value string) error {
		switch word := strings.ToLower(value); word {
		case one, other:
			*field(c) = word
			return nil
		}
		return fmt.Errorf("neither %s nor %s", one, other)
	}
}

func readJobFiles(c *Config, value string) error {
	var names []string
	for name := range strings.SplitSeq(value, ",") {
		name = strings.TrimSpace(name)
		if name == "" || name == "." || name == ".." || strings.ContainsAny(name, `/\`) {
			return errors.New("not a list of file names")
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	c.JobFiles = names
	return nil
}

func readMaxTimeLimit(c *Config, value string) error {
	d, err := jobinfo.ParseTime(value)
	c.MaxTimeLimit = d
	return err
}

func readSettleTime(c *Config, value string) error {
	err := seconds(func(c *Config) *time.Duration { return &c.SettleTime }, 0)(c, value)
	c.SettleRemote = c.SettleTime
	return err
}

// bytes takes an amount with its unit.
func bytes(field func(*Config) *int64) func(*Config, string) error {
	return func(c *Config, value string) error {
		n, err := jobinfo.ParseBytes(value)
		*field(c) = n
		return err
	}
}

func readGPUs(c *Config, value string) error {
	c.GPUs = nil
	for id := range strings.SplitSeq(value, ",") {
		id = strings.TrimSpace(id)
		if id == "" || strings.ContainsAny(id, " \t") {
			return errors.New("not a list of GPUs")
		}
		if slices.Contains(c.GPUs, id) {
			return fmt.Errorf("names %s twice", id)
		}
		c.GPUs = append(c.GPUs, id)
	}
	return nil
}

func readLogMaxSize(c *Config, value string) error {
	const megabyte = 1 << 20
	n, err := jobinfo.ParseBytes(value)
	if err == nil && (n == 0 || n%megabyte != 0) {
		err = errors.New("not a whole number of M")
	}
	c.LogMaxSize = n
	return err
}

// nearest names the known key that an unknown one may be meant for.
func nearest(name string) string {
	known := make([]string, len(Keys))
	for i, k := range Keys {
		known[i] = k.Name
	}
	if best := jobinfo.Nearest(name, known); best != "" {
		return "; did you mean " + best + "?"
	}
	return ""
}
