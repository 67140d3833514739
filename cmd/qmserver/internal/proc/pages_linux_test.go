package proc

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestChangedPagesStay: what was changed of the program's file before it became
// read-only, as the loader does to a position-independent program, is kept.
func TestChangedPagesStay(t *testing.T) {
	program, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	page, err := unix.Mmap(int(program.Fd()), 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Munmap(page); err != nil {
			t.Error(err)
		}
	}()
	before := page[0]
	page[0]++
	if err := unix.Mprotect(page, unix.PROT_READ); err != nil {
		t.Fatal(err)
	}
	DropPages()
	if page[0] != before+1 {
		t.Error("the page is as it is in the file")
	}
}
