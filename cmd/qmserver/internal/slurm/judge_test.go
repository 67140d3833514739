package slurm

import (
	"testing"
	"time"

	"qm/pkg/layout"
)

var (
	claimed   = &Claim{Job: "7", Node: "node1", At: time.Unix(0, 0)}
	withdrawn = &Claim{}
	stopIt    = &Cause{layout.Stopped, "a file named STOP was put into its folder"}
)

func slurmSays(state, reason string) []Job {
	return []Job{{ID: "7", State: state, Reason: reason, Node: "node1"}}
}

// outcomes of TestJudge beside those of layout.
const (
	follow   = "follow"
	giveBack = "return"
	reject   = "reject"
	resubmit = "resubmit"
	revoke   = "revoke"
	stays    = "interrupted, and not again unasked"
)

func outcomeOf(v Verdict) string {
	switch v.Action {
	case Follow:
		return follow
	case Return:
		return giveBack
	case Reject:
		return reject
	case Resubmit:
		return resubmit
	case Revoke:
		return revoke
	case Conclude:
	}
	if v.Stay {
		return stays
	}
	return string(v.End.Outcome)
}

// TestJudge is the whole table: what the folder and Slurm say, and what is made
// of it.
func TestJudge(t *testing.T) {
	exit := func(code int) *Status { return &Status{Code: code} }
	told := func(code int) *Status { return &Status{Code: code, Told: "TERM"} }
	killed := &Status{Signal: 9}
	for name, test := range map[string]struct {
		c    Case
		want string
	}{
		"just given":                   {Case{}, follow},
		"missed once":                  {Case{Missed: 1}, follow},
		"missed, but given lately":     {Case{Missed: 5, Doubtful: true}, follow},
		"lost before it began":         {Case{Missed: 2}, resubmit},
		"the same, to be stopped":      {Case{Missed: 2, Cause: stopIt}, revoke},
		"waits":                        {Case{Jobs: slurmSays("PENDING", "Resources")}, follow},
		"runs":                         {Case{Jobs: slurmSays("RUNNING", ""), Left: Left{Claim: claimed}}, follow},
		"a word that nobody knows":     {Case{Jobs: slurmSays("DREAMING", ""), Left: Left{Claim: claimed}, Missed: 9}, follow},
		"a twin has ended":             {Case{Jobs: append(slurmSays("FAILED", ""), Job{ID: "8", State: "RUNNING"}), Left: Left{Claim: &Claim{Job: "8"}}}, follow},
		"ended, Slurm not asked yet":   {Case{Left: Left{Claim: claimed, Status: exit(0)}, Jobs: slurmSays("RUNNING", "")}, "succeeded"},
		"ended, though Slurm has lost": {Case{Left: Left{Claim: claimed, Status: exit(0)}, Jobs: slurmSays("NODE_FAIL", "NodeDown")}, "succeeded"},
		"failed":                       {Case{Left: Left{Claim: claimed, Status: exit(3)}, Missed: 7}, "failed"},
		"failed by itself, then asked": {Case{Left: Left{Claim: claimed, Status: exit(3)}, Jobs: slurmSays("FAILED", ""), Cause: stopIt}, "failed"},
		"failed when it was stopped":   {Case{Left: Left{Claim: claimed, Status: exit(3)}, Jobs: slurmSays("CANCELLED", ""), Cause: stopIt}, "stopped"},
		"failed when its time was up":  {Case{Left: Left{Claim: claimed, Status: &Status{Code: 1, At: time.Unix(60, 0)}}, Jobs: slurmSays("TIMEOUT", ""), Limit: time.Minute}, "timed-out"},
		"well when its time was up":    {Case{Left: Left{Claim: claimed, Status: &Status{At: time.Unix(60, 0)}}, Jobs: slurmSays("TIMEOUT", ""), Limit: time.Minute}, "succeeded"},
		"TERM, but not for the script": {Case{Left: Left{Claim: claimed, Status: &Status{Signal: 15}}, Jobs: slurmSays("TIMEOUT", "")}, "timed-out"},
		"TERM by hand":                 {Case{Left: Left{Claim: claimed, Status: &Status{Signal: 15}}, Jobs: slurmSays("FAILED", "")}, "failed"},
		"killed, why?":                 {Case{Left: Left{Claim: claimed, Status: killed}, Jobs: slurmSays("COMPLETING", ""), Patient: true, Answers: true}, follow},
		"killed, Slurm is silent":      {Case{Left: Left{Claim: claimed, Status: killed}, Jobs: slurmSays("RUNNING", "")}, follow},
		"killed, by nobody known":      {Case{Left: Left{Claim: claimed, Status: killed}, Jobs: slurmSays("FAILED", "NonZeroExitCode"), Answers: true}, "failed"},
		"killed, too much memory":      {Case{Left: Left{Claim: claimed, Status: killed}, Jobs: slurmSays("OUT_OF_MEMORY", "")}, "stopped"},
		"told, too long":               {Case{Left: Left{Claim: claimed, Status: told(143)}, Jobs: slurmSays("TIMEOUT", "TimeLimit")}, "timed-out"},
		"told, and well, too long":     {Case{Left: Left{Claim: claimed, Status: told(0)}, Jobs: slurmSays("TIMEOUT", "TimeLimit")}, "timed-out"},
		"told, by scancel":             {Case{Left: Left{Claim: claimed, Status: told(143)}, Jobs: slurmSays("CANCELLED", "")}, "stopped"},
		"told, by us":                  {Case{Left: Left{Claim: claimed, Status: told(143)}, Missed: 2, Cause: stopIt}, "stopped"},
		"told, preempted":              {Case{Left: Left{Claim: claimed, Status: told(143)}, Jobs: slurmSays("PREEMPTED", "")}, "interrupted"},
		"told, by nobody known":        {Case{Left: Left{Claim: claimed, Status: told(143)}, Jobs: slurmSays("FAILED", "")}, "failed"},
		"too long, status to come":     {Case{Left: Left{Claim: claimed}, Jobs: slurmSays("TIMEOUT", ""), Patient: true}, follow},
		"too long, no status":          {Case{Left: Left{Claim: claimed}, Jobs: slurmSays("TIMEOUT", ""), Exit: &Exit{Signal: 15}}, "timed-out"},
		"cancelled, no status":         {Case{Left: Left{Claim: claimed}, Jobs: slurmSays("CANCELLED", ""), Exit: &Exit{Signal: 9}}, "stopped"},
		"out of memory, no status":     {Case{Left: Left{Claim: claimed}, Jobs: slurmSays("OUT_OF_MEMORY", ""), Exit: &Exit{Signal: 125}}, "stopped"},
		"preempted, no status":         {Case{Left: Left{Claim: claimed}, Jobs: slurmSays("PREEMPTED", "")}, "interrupted"},
		"its node is lost":             {Case{Left: Left{Claim: claimed}, Jobs: slurmSays("NODE_FAIL", "NodeDown"), Exit: &Exit{}}, stays},
		"begun twice":                  {Case{Left: Left{Claim: claimed, Refused: &Claim{Job: "7", Node: "node2"}}, Jobs: slurmSays("FAILED", ""), Exit: &Exit{Code: 121}}, stays},
		"forgotten, no status":         {Case{Left: Left{Claim: claimed}, Missed: 2}, stays},
		"forgotten, to be stopped":     {Case{Left: Left{Claim: claimed}, Missed: 2, Cause: stopIt}, "stopped"},
		"its status is lost":           {Case{Left: Left{Claim: claimed}, Jobs: slurmSays("COMPLETED", ""), Exit: &Exit{}}, "succeeded"},
		"its script was killed":        {Case{Left: Left{Claim: claimed}, Jobs: slurmSays("FAILED", "JobLaunchFailure"), Exit: &Exit{Signal: 9}}, "failed"},
		"failed, nobody knows how":     {Case{Left: Left{Claim: claimed}, Jobs: slurmSays("FAILED", "")}, stays},
		"cancelled before it began":    {Case{Jobs: slurmSays("CANCELLED", "")}, revoke},
		"and it can't begin any more":  {Case{Left: Left{Claim: withdrawn}, Jobs: []Job{{ID: "7", State: "CANCELLED"}}}, "stopped"},
		"cancelled by Slurm itself":    {Case{Left: Left{Claim: withdrawn}, Jobs: slurmSays("CANCELLED", "")}, giveBack},
		"its folder is not there":      {Case{Left: Left{Claim: withdrawn}, Jobs: slurmSays("FAILED", ""), Exit: &Exit{Code: neverSeen}}, reject},
		"its node's disk is full":      {Case{Left: Left{Claim: withdrawn}, Jobs: slurmSays("FAILED", ""), Exit: &Exit{Code: refused}}, giveBack},
		"its log can't be opened":      {Case{Left: Left{Claim: withdrawn}, Jobs: slurmSays("FAILED", "JobLaunchFailure"), Exit: &Exit{Signal: 53}}, reject},
		"no node before it began":      {Case{Left: Left{Claim: withdrawn}, Jobs: slurmSays("BOOT_FAIL", "")}, giveBack},
		"preempted before it began":    {Case{Left: Left{Claim: withdrawn}, Jobs: slurmSays("PREEMPTED", "")}, giveBack},
		"a deadline before it began":   {Case{Left: Left{Claim: withdrawn}, Jobs: slurmSays("DEADLINE", "")}, reject},
		"never given to Slurm":         {Case{Left: Left{Claim: withdrawn}, Missed: 2}, giveBack},
		"withdrawn, but a twin waits":  {Case{Left: Left{Claim: withdrawn}, Jobs: slurmSays("PENDING", "")}, follow},
		"stopped before it began":      {Case{Left: Left{Claim: withdrawn}, Missed: 2, Cause: stopIt}, "stopped"},
		"taken away, runs":             {Case{Astray: true, Jobs: slurmSays("RUNNING", ""), Cause: stopIt}, follow},
		"taken away, forgotten":        {Case{Astray: true, Missed: 2, Cause: stopIt}, "stopped"},
	} {
		v := test.c.Judge()
		if got := outcomeOf(v); got != test.want {
			t.Errorf("%s: %s, want %s (%+v)", name, got, test.want, v)
		}
		if e := v.End; v.Action == Conclude && e.Outcome != layout.Succeeded && e.Reason == "" && e.ExitCode == nil && e.Signal == nil {
			t.Errorf("%s: neither an exit status nor a reason", name)
		}
		if v.Action == Follow && v.Words == "" {
			t.Errorf("%s: nothing is said of it", name)
		}
	}
}

// TestReasons: what the user reads.
func TestReasons(t *testing.T) {
	for want, c := range map[string]Case{
		"its time limit of 1m0s is over":                                                     {Left: Left{Claim: claimed, Status: &Status{Code: 143, Told: "TERM"}}, Jobs: slurmSays("TIMEOUT", ""), Limit: time.Minute},
		"memory: Slurm ended it when it used more than the 512 MB that it asks for":          {Left: Left{Claim: claimed}, Jobs: slurmSays("OUT_OF_MEMORY", ""), Memory: 512 << 20},
		"a file named STOP was put into its folder":                                          {Left: Left{Claim: claimed, Status: &Status{Code: 143, Told: "TERM"}}, Jobs: slurmSays("CANCELLED", ""), Cause: stopIt},
		"a file named STOP was put into its folder, before it began":                         {Left: Left{Claim: withdrawn}, Jobs: slurmSays("CANCELLED", ""), Cause: stopIt},
		"cancelled in Slurm (scancel)":                                                       {Left: Left{Claim: claimed, Status: &Status{Code: 143, Told: "TERM"}}, Jobs: slurmSays("CANCELLED", "")},
		"killed by signal 9 (SIGKILL), cause unknown":                                        {Left: Left{Claim: claimed, Status: &Status{Signal: 9}}, Jobs: slurmSays("FAILED", "")},
		"lost with node1: Slurm does not reach that any more, and what runs there may go on": {Left: Left{Claim: claimed}, Jobs: slurmSays("NODE_FAIL", "")},
	} {
		got := c.Judge().End.Reason
		const unknown = "; how it ended is not known. Look at its files, and drop it again to run it again"
		if got != want && got != want+unknown {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestWords(t *testing.T) {
	for want, j := range map[string]Job{
		"waiting in Slurm: Resources":                                   {ID: "4711", State: "PENDING", Reason: "Resources"},
		"waiting in Slurm":                                              {ID: "4711", State: "PENDING"},
		"running on node2, Slurm job 4711":                              {ID: "4711", State: "RUNNING", Node: "node2"},
		"Slurm says RESV_DEL_HOLD of it, Slurm job 4711":                {ID: "4711", State: "RESV_DEL_HOLD"},
		"ended on node2, its exit status is waited for, Slurm job 4711": {ID: "4711", State: "COMPLETED", Node: "node2"},
	} {
		if got := j.Words(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
