package supervise

import (
	"os"
	"path/filepath"
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
}

// environ returns the job's environment: the server's own, and what tells the
// job where and with how much it runs.
func (a *attempt) environ() []string {
	env := without(os.Environ(), append(serviceManager[:], "NB_PROC", "QM_JOB", "QM_RUN", "PWD", "OLDPWD"))
	n := strconv.Itoa(a.NbProc)
	for _, name := range threads {
		if _, set := os.LookupEnv(name); !set {
			env = append(env, name+"="+n)
		}
	}
	if _, set := os.LookupEnv("PYTHONUNBUFFERED"); !set {
		env = append(env, "PYTHONUNBUFFERED=1")
	}
	return append(env,
		"NB_PROC="+n, "QM_JOB="+a.name, "QM_RUN="+a.Run,
		"PWD="+filepath.Join(a.Parent, a.name))
}

func without(env, names []string) []string {
	drop := make(map[string]bool, len(names))
	for _, n := range names {
		drop[n] = true
	}
	var kept []string
	for _, e := range env {
		if name, _, _ := strings.Cut(e, "="); !drop[name] {
			kept = append(kept, e)
		}
	}
	return kept
}
