package spool

import "testing"

func TestUnusable(t *testing.T) {
	for name, want := range map[string]string{
		"fit":  "",
		"fit.": "its name ends in a dot or a blank, so that no program of Windows can work in it: rename it where it was made",
		"a:b":  "its name has : in it, so that no program of Windows can work in it: rename it where it was made",
	} {
		if got := unusable(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
