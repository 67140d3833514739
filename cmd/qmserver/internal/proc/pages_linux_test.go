package proc

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestDropPages: the pages of the program go, and what is needed of them comes
// back by itself.
func TestDropPages(t *testing.T) {
	before := ofFiles(t)
	DropPages()
	if after := ofFiles(t); after >= before {
		t.Errorf("%d kB of files in memory, %d kB before", after, before)
	}
}

// ofFiles reads RssFile of proc_pid_status(5), in kB.
func ofFiles(t *testing.T) int {
	t.Helper()
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), "RssFile:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kb
}
