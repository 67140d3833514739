package supervise

import "testing"

// TestUnexplained: lack of memory is told of only where the kernel has counted
// one, also of jobs whose shell lived on to tell of the end.
func TestUnexplained(t *testing.T) {
	const (
		kill    = "killed by signal 9 (SIGKILL), "
		perhaps = "perhaps for lack of memory: the kernel has ended a process of this machine for that meanwhile"
	)
	for _, test := range []struct {
		status      status
		before, now int64
		want        string
	}{
		{status{signal: 9}, 4, 4, kill + "cause unknown"},
		{status{signal: 9}, -1, 4, kill + "cause unknown"},
		{status{signal: 9}, 4, 5, kill + perhaps},
		{status{code: 137}, 4, 5, "a process of it was " + kill + perhaps},
		{status{code: 137}, 4, 4, ""},
		{status{code: 1}, 4, 5, ""},
		{status{signal: 11}, 4, 5, ""},
	} {
		if got := unexplained(test.status, test.before, test.now); got != test.want {
			t.Errorf("%+v: %q, want %q", test, got, test.want)
		}
	}
}
