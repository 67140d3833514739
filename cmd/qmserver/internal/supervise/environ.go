package supervise

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// threads are the variables by which programs and their libraries are told how
// many threads to start. They are ours only where the user has not set them.
var threads = [...]string{
	"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
	"NUMEXPR_NUM_THREADS", "PYTHON_CPU_COUNT", "GOMAXPROCS",
}

// serviceManagers' own variables, which a job would misread as meant for it;
// see systemd.exec(5).
var serviceManager = [...]string{
	"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "INVOCATION_ID", "JOURNAL_STREAM", "MAINPID", "MANAGERPID",
	"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "SYSTEMD_EXEC_PID", "MEMORY_PRESSURE_WATCH", "MEMORY_PRESSURE_WRITE",
	"MAINPIDFDID", "MANAGERPIDFDID", "FDSTORE", "PIDFILE", "CREDENTIALS_DIRECTORY",
}

// environ returns the job's environment: the server's own, and what tells the
// job where and with how much it runs.
func (a *attempt) environ() []string {
	n := strconv.Itoa(a.NbProc)
	env := append(make([]string, 0, len(a.base.env)+len(a.base.threads)+4), a.base.env...)
	for _, name := range a.base.threads {
		env = append(env, name+"="+n)
	}
	if runtime.GOOS == "windows" { // it is always set, and many programs go by it
		env = without(env, "NUMBER_OF_PROCESSORS")
		env = append(env, "NUMBER_OF_PROCESSORS="+n)
	}
	if a.HasGPUs {
		env = without(env, "CUDA_VISIBLE_DEVICES")
		env = append(env, "CUDA_VISIBLE_DEVICES="+strings.Join(a.GPUs, ",")) // none asked for: it sees none
	}
	return append(env,
		"NB_PROC="+n, "QM_JOB="+a.name, "QM_RUN="+a.Run,
		"PWD="+filepath.Join(a.Parent, a.name))
}

func without(env []string, name string) []string {
	return slices.DeleteFunc(env, func(e string) bool { return nameOf(e) == name })
}

// environment is what the environments of all jobs of a supervisor share.
type environment struct {
	env     []string
	threads []string // names of those variables that say how many processors a job has
}

func newEnvironment() *environment {
	base := &environment{env: jobEnviron(os.Environ())}
	set := make(map[string]bool, len(base.env))
	for _, e := range base.env {
		set[nameOf(e)] = true
	}
	for _, name := range threads {
		if !set[name] {
			base.threads = append(base.threads, name)
		}
	}
	if !set["PYTHONUNBUFFERED"] {
		base.env = append(base.env, "PYTHONUNBUFFERED=1")
	}
	return base
}

// jobEnviron takes from the supervisor's environment what is not for jobs.
func jobEnviron(env []string) []string {
	drop := map[string]bool{"NB_PROC": true, "QM_JOB": true, "QM_RUN": true, "PWD": true, "OLDPWD": true}
	for _, name := range serviceManager {
		drop[name] = true
	}
	for _, e := range lean {
		drop[nameOf(e)] = true
	}
	var kept []string
	for _, e := range env {
		if !drop[nameOf(e)] {
			kept = append(kept, strings.TrimPrefix(e, aside))
		}
	}
	return kept
}

func nameOf(e string) string {
	name, _, _ := strings.Cut(e, "=")
	return name
}

// lean is how the runtime of a supervisor starts, so that it stays small.
// One processor from the beginning: to give up the others later spreads what
// is in use over a third of a megabyte. No garbage collection: what the first
// ones need for themselves is more than there is to free; see memory. The limit
// is for folders that hold very much. The last one is for the C library, where
// that is linked: not an arena for each thread.
var lean = [...]string{"GOMAXPROCS=1", "GOGC=off", "GOMEMLIMIT=32MiB", "MALLOC_ARENA_MAX=1"}

// aside is put before what the jobs are to have in place of a variable of lean.
const aside = "QM_ASIDE_"

// Environ returns the environment to start a supervisor with that leaves env to
// its jobs.
func Environ(env []string) []string {
	all := make([]string, 0, len(env)+len(lean))
	for _, e := range env {
		for _, l := range lean {
			if nameOf(e) == nameOf(l) {
				e = aside + e
			}
		}
		all = append(all, e)
	}
	return append(all, lean[:]...)
}
