package slurm

import (
	"slices"
	"strings"
	"testing"
	"time"

	"qm/pkg/jobinfo"
)

func TestArgs(t *testing.T) {
	r := Request{
		Script: Script{Folder: "/t/QM_Jobs/a b", Job: "a b", Token: "slurm-1-2", NbProc: 4},
		GPUs:   2, Memory: 1<<30 + 1, Limit: 61 * time.Second, Nice: Nice(-3, 0),
	}
	got := strings.Join(r.args(), "|")
	for _, want := range []string{
		"|--job-name=qm-a_b|--comment=qm:slurm-1-2|--no-requeue|", "|--chdir=/t/QM_Jobs/a b|--output=/t/QM_Jobs/a b/process.log|",
		"|--nodes=1|--ntasks=4|", "|--gres=gpu:2|", "|--mem=1025M|", "|--time=2|", "|--nice=3000",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in %s", want, got)
		}
	}
	r.Placed, r.GPUs, r.Memory, r.Limit, r.Nice, r.Folder = true, 0, 0, 0, Nice(5, 5), `/t/100%`
	got = strings.Join(r.args(), "|")
	for _, none := range []string{"--nodes", "--ntasks", "--gres", "--mem", "--time", "--nice", "process.log"} {
		if strings.Contains(got, none) {
			t.Errorf("%s is in %s", none, got)
		}
	}
}

// TestDirective: what is written for sbatch is read as the same words.
func TestDirective(t *testing.T) {
	words := []string{"--partition=long", `--comment=it's "a" b\c #1`, "--x=\t"}
	info, err := jobinfo.Parse("job.sh", []byte("#!/bin/sh\n"+Directive(words)+"\ntrue\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Info; got != strings.TrimPrefix(words[1], "--comment=") {
		t.Errorf("%q", got)
	}
	if want := []string{"--partition", "--comment", "--x"}; !slices.Equal(info.Slurm.Options, want) {
		t.Errorf("%q", info.Slurm.Options)
	}
}

func TestCheck(t *testing.T) {
	for line, bad := range map[string]bool{
		"-a 1-5": true, "--array=1-5": true, "--arr=1-5": true, "-W": true, "--wait": true, "--wait-all-nodes=1": false, "--wrap=x": true,
		"-M other": true, "--clusters=x": true, "--cluster-constraint=x": false, "--uid=0": true, "--gid 5": true, "--test-only": true,
		"-p long -t 5 -n 4 --mem=5G": false, "hetjob": true, "-w node1": false, "-c 4": false, "--gpus=1": false, "--help": true,
	} {
		info, _ := jobinfo.Parse("job.sh", []byte("#!/bin/sh\n#SBATCH "+line+"\ntrue\n"))
		if err := Check(info.Slurm.Options, info.Slurm.Lines); (err != nil) != bad {
			t.Errorf("%s: %v", line, err)
		}
	}
}

// TestFailures: what sbatch says tells whether the job may run all the same, may
// be taken later, or never. The texts are Slurm's.
func TestFailures(t *testing.T) {
	const failed = "sbatch: error: Batch job submission failed: "
	for stderr, want := range map[string]string{
		failed + "Unable to contact slurm controller (connect failure)":                                              "unknown",
		failed + "Socket timed out on send/recv operation":                                                           "unknown",
		failed + "Protocol authentication error":                                                                     "unknown",
		"sbatch: error: Munge encode failed: Failed to access \"/x\": No such file or directory":                     "unknown",
		"sbatch: fatal: Could not establish a configuration source\nsbatch: error: resolve_ctls_from_dns_srv: error": "unknown",
		failed + "Requested node configuration is not available":                                                     "never",
		failed + "Invalid partition name specified":                                                                  "never",
		failed + "Memory specification can not be satisfied":                                                         "never",
		"sbatch: unrecognized option '--nonsense'\nTry \"sbatch --help\" for more information":                       "never",
		failed + "Resource temporarily unavailable":                                                                  "later",
		failed + "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)":             "later",
		failed + "Required partition not available (inactive or drain)":                                              "later",
	} {
		f := &Failure{Command: "sbatch", Text: said(stderr)}
		got := "never"
		if f.Unknown() {
			got = "unknown"
		} else if f.Passing() {
			got = "later"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", stderr, got, want)
		}
	}
}

func TestParseJob(t *testing.T) {
	for line, want := range map[string]Job{
		"12|RUNNING|None|node2|qm:slurm-1-2":                {ID: "12", State: "RUNNING", Node: "node2", Token: "slurm-1-2"},
		"13|PENDING|Resources||qm:slurm-1-2":                {ID: "13", State: "PENDING", Reason: "Resources", Token: "slurm-1-2"},
		"14|PENDING|(null)|(null)|other | text":             {},
		"a line":                                            {},
		"15|FAILED|BadConstraints||qm:slurm-1-2":            {},
		"16|FAILED|NonZeroExitCode|node1|qm:slurm-1-2":      {ID: "16", State: "FAILED", Reason: "NonZeroExitCode", Node: "node1", Token: "slurm-1-2"},
		"17|CANCELLED|Priority|node[1-2],other|qm:slurm-12": {ID: "17", State: "CANCELLED", Reason: "Priority", Node: "node[1-2],other", Token: "slurm-12"},
	} {
		got, ours := parseJob(line)
		if ours != (want.ID != "") || ours && got != want {
			t.Errorf("%s: %+v, %v", line, got, ours)
		}
	}
}

func TestRemarks(t *testing.T) {
	for line, want := range map[string]int{"#SBATCH --signal=B:USR1@60": 1, "#SBATCH --signal=USR1@60": 0, "#SBATCH -t 5": 0} {
		if got := Remarks([]string{line}); len(got) != want {
			t.Errorf("%s: %q", line, got)
		}
	}
}
