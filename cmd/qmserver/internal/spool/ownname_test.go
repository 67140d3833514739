package spool

import (
	"testing"

	"qm/pkg/layout"
)

func TestOwnNameOn(t *testing.T) {
	for _, c := range []struct{ system, name, want string }{
		{"linux", "Fit-20261122-131502", "Fit"},
		{"windows", "Fit-20261122-131502-2", "fit"},
		{"darwin", "Re\u0301sume\u0301", "r\u00e9sum\u00e9"},
		{"linux", "Re\u0301sume\u0301", "R\u00e9sum\u00e9"},
		{"linux", "a\xffb", "a\xffb"},
	} {
		if got := ownNameOn(c.system, c.name); got != c.want {
			t.Errorf("%s, %q: %q, want %q", c.system, c.name, got, c.want)
		}
	}
}

// TestAfterANameOfMacOS: whom a job comes after is found however accents are
// written.
func TestAfterANameOfMacOS(t *testing.T) {
	s := newServer(t)
	s.put(layout.Queued, "re\u0301sume\u0301", "script = true")
	s.put(layout.Queued, "next", "script = true\nafter = r\u00e9sum\u00e9")
	if r := s.drain(); len(r.Stays) > 0 || s.where("next") != "done" {
		t.Errorf("%+v, it is %s", r, s.where("next"))
	}
}
