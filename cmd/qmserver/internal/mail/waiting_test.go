package mail

import (
	"errors"
	"strings"
	"testing"
	"time"

	"qm/cmd/qmserver/internal/mailtest"
	"qm/cmd/qmserver/internal/patient"
)

// TestWaitingTells how many wait, since when and why, and no address.
func TestWaitingTells(t *testing.T) {
	s := started(t, &mailtest.Server{Answer: func(verb, line string) string {
		if verb == "RCPT" && strings.Contains(line, "<grey@") {
			return "450 4.7.1 <grey@example.org>: come again"
		}
		return ""
	}})
	b := newBox(t, s)
	if w := b.Waiting(); w != nil {
		t.Errorf("nothing is there: %+v", w)
	}
	grey := letter(1, "grey")
	grey.To = "grey@example.org"
	begin := time.Now()
	b.post(t, grey)
	patient.Until(t, "it is put off", func() bool { w := b.Waiting(); return w != nil && w.Problem != "" })
	w := b.Waiting()
	if w.Waiting != 1 || w.Since.Before(begin) || w.Since.After(time.Now()) || w.Next.Before(begin) {
		t.Errorf("%+v", w)
	}
	if !strings.Contains(w.Problem, "come again") || strings.Contains(w.Problem, "example.org") {
		t.Error(w.Problem)
	}
	s.Stop()
	b.post(t, letter(2, "fit"))
	patient.Until(t, "the server is told of", func() bool { return strings.Contains(b.Waiting().Problem, "can't be reached") })
	if w := b.Waiting(); w.Waiting != 2 || w.Next.IsZero() {
		t.Errorf("%+v", w)
	}
}

func TestPublic(t *testing.T) {
	for text, want := range map[string]string{
		"421 <me@example.org>, come\r\nagain": "421 <…@…>, come again",
		"a\x1b[31m b@c":                       `a\x1b[31m …@…`,
		strings.Repeat("x", 1000):             strings.Repeat("x", longestProblem) + "…",
	} {
		if got := public(errors.New(text)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
