package page

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"qm/pkg/layout"
)

// TestMailThatWaits is told of, with since when and why, if it does not go out.
func TestMailThatWaits(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		mail *layout.WaitingMail
		want string // on the page; empty: nothing of mail
	}{
		"none":            {nil, ""},
		"under way":       {&layout.WaitingMail{Waiting: 2, Since: now.Add(-time.Second)}, ""},
		"nonsense":        {&layout.WaitingMail{Waiting: -1, Problem: "?"}, ""},
		"silence":         {&layout.WaitingMail{Waiting: 1, Since: now.Add(-125 * time.Second)}, "1 mail about a job waits to be sent, the oldest for 2 min."},
		"refused":         {&layout.WaitingMail{Waiting: 3, Since: now.Add(-time.Hour), Problem: "connection refused", Next: now.Add(4 * time.Minute)}, "3 mails about jobs wait to be sent, the oldest for 1 h: connection refused. Next try in about 4 min."},
		"no time of next": {&layout.WaitingMail{Waiting: 3, Since: now.Add(time.Hour), Problem: "a\nb.", Next: now.Add(-time.Minute)}, "3 mails about jobs wait to be sent, the oldest for 0.0 s: a b."},
	} {
		if got := mailText(c.mail, now); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestMailIsToldEverywhere(t *testing.T) {
	s := newSite(t)
	s.job("QM_dJobs", "fit")
	beat := func(mail string) {
		s.write(layout.HeartbeatFile, `{"slots":8,"beat":"`+time.Now().Format(time.RFC3339Nano)+`"`+mail+`}`)
	}
	mailOf := func() *jsonMail {
		var status jsonStatus
		if err := json.Unmarshal([]byte(s.get("/api/v1/status", 200)), &status); err != nil {
			t.Fatal(err)
		}
		return status.Server.Mail
	}
	beat("")
	if page := s.get("/", 200); strings.Contains(page, "mail about a job") || mailOf() != nil {
		t.Error("it tells of mail though none waits")
	}
	s.wants(s.get("/metrics", 200), "\nqm_mail_waiting 0\n")

	w := newSite(t)
	w.job("QM_dJobs", "fit")
	s = w
	beat(`,"mail":{"waiting":1,"since":"2026-11-22T13:15:02Z","problem":"<b>connection refused","next":"2026-11-22T14:15:02Z"}`)
	s.wants(s.get("/", 200), "1 mail about a job waits", "&lt;b&gt;connection refused")
	s.wants(s.get("/metrics", 200), "\nqm_mail_waiting 1\n")
	if m := mailOf(); m == nil || m.Waiting != 1 || m.Problem != "<b>connection refused" || m.Since == nil || m.Next == nil || !m.Next.Equal(m.Since.Add(time.Hour)) {
		t.Errorf("%+v", m)
	}
}
