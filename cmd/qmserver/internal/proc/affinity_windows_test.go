package proc

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

const child = "QM_TEST_CHILD"

// TestPin: what is started while this process is pinned stays so.
func TestPin(t *testing.T) {
	if os.Getenv(child) != "" {
		fmt.Println("processors:", runtime.NumCPU())
		return
	}
	if runtime.NumCPU() < 2 {
		t.Skip("there is one processor alone")
	}
	processors := func() string {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestPin$")
		cmd.Env = append(os.Environ(), child+"=1")
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	before := processors()
	unpin, err := Pin([]int{1})
	if err != nil {
		t.Fatal(err)
	}
	if got := processors(); got == before || !strings.HasPrefix(got, "processors: 1\n") {
		t.Errorf("pinned: %q", got)
	}
	if err := unpin(); err != nil {
		t.Error(err)
	}
	if got := processors(); got != before {
		t.Errorf("unpinned: %q, before %q", got, before)
	}
	if _, err := Pin([]int{63}); err == nil {
		t.Error("pinned to a processor that is not there")
	}
}
