package proc

import (
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"
)

// TestWithVariable finds a process by its environment, if it is the user's.
func TestWithVariable(t *testing.T) {
	cmd := exec.Command("sleep", "600")
	cmd.Env = append(os.Environ(), "QM_RUN=of-this-test")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := Kill(cmd.Process.Pid); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait()
	}()
	found := func(value string, uid int) bool {
		return slices.Contains(WithVariable("QM_RUN", value, uid), cmd.Process.Pid)
	}
	for deadline := time.Now().Add(10 * time.Second); !found("of-this-test", -1); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it is not found")
		}
	}
	if !found("of-this-test", os.Getuid()) {
		t.Error("it is not found as its user's")
	}
	if found("of-this-test", os.Getuid()+1) {
		t.Error("it is found as another user's")
	}
	if found("of-this", -1) {
		t.Error("it is found by another value")
	}
}
