package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// Where there is no tree yet, nobody can tell what could be done to it, and the
// log says so.
func TestNoTreeAtStart(t *testing.T) {
	web := startWeb(t, buildWeb(t), filepath.Join(t.TempDir(), "QM"))
	for _, not := range []string{"writable_without=[]", "can't write to the tree"} {
		if strings.Contains(web.log, not) {
			t.Errorf("the log says %q of a tree that is not there:\n%s", not, web.log)
		}
	}
	if !strings.Contains(web.log, "not known") {
		t.Errorf("the log does not say that it is not known:\n%s", web.log)
	}
}
