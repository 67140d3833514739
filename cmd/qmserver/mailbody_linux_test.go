package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"qm/cmd/qmserver/internal/mailtest"
)

// The mails of TestMailBodies, by their subjects, with what they share.
var mailBodies = map[string]string{
	"QM: good succeeded": `good succeeded.

Info:       a line
Outcome:    succeeded
Status:     exit code 0
@RAN@Folder:     TREE/QM_dJobs/good
Page:       http://localhost:8000/jobs/good
@LOG@    fine
    Job finished at: TIME with code 0
`,
	"QM: bad failed (exit code 3)": `bad failed.

Outcome:    failed
Status:     exit code 3
@RAN@Folder:     TREE/QM_dJobs/bad
Page:       http://localhost:8000/jobs/bad

The last lines of its process.log:

@COUNT@    Job finished at: TIME with code 3
`,
	"QM: cut was interrupted": `cut was interrupted.

Outcome:    interrupted
Reason:     its supervisor was killed or the machine went down while it ran; drop it again to run it again
@RAN@Folder:     TREE/QM_lost+found/cut
Page:       http://localhost:8000/jobs/cut
@AGAIN@@LOG@    QM: interrupted at TIME: its supervisor was killed or the machine went down while it ran; drop it again to run it again
`,
	"QM: stopped was stopped (signal 15)": `stopped was stopped.

Outcome:    stopped
Status:     signal 15
Reason:     a file named STOP was put into its folder
@RAN@Folder:     TREE/QM_dJobs/stopped
Page:       http://localhost:8000/jobs/stopped
@LOG@    QM: stopped: a file named STOP was put into its folder
    Job finished at: TIME killed by signal 15 (SIGTERM)
`,
	"QM: slow was stopped at its time limit (signal 15)": `slow was stopped at its time limit.

Outcome:    timed-out
Status:     signal 15
Reason:     its time limit of 1s is over
@RAN@Folder:     TREE/QM_dJobs/slow
Page:       http://localhost:8000/jobs/slow
@LOG@    QM: timed-out: its time limit of 1s is over
    Job finished at: TIME killed by signal 15 (SIGTERM)
`,
	"QM: refused was not run": `refused was not run.

Outcome:    rejected
Reason:     proc_config.cfg: script: missing: there is nothing to run; write the command line, such as script = sh run.sh
Submitted:  TIME
Ended:      TIME
Machine:    MACHINE
Folder:     TREE/QM_lost+found/refused
Page:       http://localhost:8000/jobs/refused
@AGAIN@
The last lines of its process.log:

    QM: rejected at TIME: proc_config.cfg: script: missing: there is nothing to run; write the command line, such as script = sh run.sh
`,
}

var mailParts = strings.NewReplacer(
	"@RAN@", "Submitted:  TIME\nStarted:    TIME\nEnded:      TIME\nDuration:   SPAN\nMachine:    MACHINE\n",
	"@LOG@", "\nThe last lines of its process.log:\n\n    Job started by QM at: TIME\n    HOST\n",
	"@AGAIN@", "\nTo have it run again, mend what the reason says and drag its folder from\nQM_lost+found to QM_qJobs.\n",
	"@COUNT@", numbers(12, 30),
)

func numbers(from, to int) string {
	var b strings.Builder
	for n := from; n <= to; n++ {
		fmt.Fprintf(&b, "    %d\n", n)
	}
	return b.String()
}

// varying is what differs from run to run in a mail's body, and what stands for
// it in mailBodies.
var varying = []struct {
	pattern *regexp.Regexp
	text    string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:\d\d|Z| [A-Z0-9+-]+)`), "TIME"},
	{regexp.MustCompile(`(?m)^(Duration:\s+)[0-9hms.]+$`), "${1}SPAN"},
	{regexp.MustCompile(`(?m)^(Machine:\s+).*$`), "${1}MACHINE"},
	{regexp.MustCompile(`(?m)^    Host: .*$`), "    HOST"},
}

func (m mailTree) plain(body string) string {
	body = strings.ReplaceAll(body, string(m.tree), "TREE")
	for _, v := range varying {
		body = v.pattern.ReplaceAllString(body, v.text)
	}
	return body
}

// TestMailBodies: all that stands in the mail about each outcome.
func TestMailBodies(t *testing.T) {
	m := newMailTree(t, &mailtest.Server{}, "")
	m.submit("good", "script = echo fine\ninfo = a line")
	m.submit("bad", "script = seq 30; exit 3")
	m.submit("stopped", "script = touch STOP; sleep 60")
	m.submit("slow", "script = sleep 60\ntime_limit = 1s")
	m.submit("cut", "script = kill -9 $PPID; sleep 60")
	m.submit("refused", "nb_proc = 1")
	_ = m.drain("run") // it tells that some failed
	if n := len(m.smtp.Mails()); n != len(mailBodies) {
		t.Errorf("%d mails: %q", n, m.subjects())
	}
	for subject, want := range mailBodies {
		if got, want := m.plain(m.body(subject)), mailParts.Replace(want); got != want {
			t.Errorf("%s is\n%s\nwant\n%s", subject, got, want)
		}
	}
}
