package mail

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/mail"
	"path"
	"path/filepath"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"qm/cmd/qmserver/internal/spool"
	"qm/pkg/layout"
)

// maxAddress is the most bytes of an address (RFC 5321, 4.5.3.1.3, less the
// angle brackets).
const maxAddress = 254

// longestText bounds, in bytes, what a letter holds of a description or a reason.
const longestText = 1000

// ErrAddress says that a text is no address to which mail could go.
var ErrAddress = errors.New("not one bare address, such as me@example.org")

// checkAddress: one bare address, which can do nothing else in a header or in
// what is said to a server. Where jobs run as their owners, it is one of those
// that tells it.
func checkAddress(address string) error {
	a, err := mail.ParseAddress(address)
	if err != nil || a.Address != address || len(address) > maxAddress || layout.Display(address) != address {
		return fmt.Errorf("%w: %s", ErrAddress, layout.Display(short(address, maxAddress)))
	}
	return nil
}

// message makes the mail of a letter.
func message(opt Options, l spool.Letter, id string) (*gomail.Msg, error) {
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := errors.Join(checkAddress(l.To), m.From(opt.From), m.To(l.To)); err != nil {
		return nil, err
	}
	m.Subject(subject(l))
	m.SetDateWithValue(l.Ended)
	m.SetMessageIDWithValue(messageID(opt, id))
	m.SetGenHeader("Auto-Submitted", "auto-generated") // nobody's holiday answers it (RFC 3834)
	m.SetBodyString(gomail.TypeTextPlain, body(opt, l))
	return m, nil
}

// messageID is the same whenever the letter is sent.
func messageID(opt Options, id string) string {
	domain := "localhost"
	if a, err := mail.ParseAddress(opt.From); err == nil {
		domain = a.Address[strings.LastIndexByte(a.Address, '@')+1:]
	}
	return fmt.Sprintf("qm.%x@%s", sha256.Sum256([]byte(id)), domain)
}

func shownName(l spool.Letter) string {
	name, err := layout.NameOfID(l.JobID)
	if err != nil {
		return layout.Display(l.JobID)
	}
	return layout.Display(name)
}

// subject is one line of bounded length: a name may hold anything.
func subject(l spool.Letter) string {
	text := fmt.Sprintf("QM: %s %s", short(shownName(l), 100), outcomeWords(l.Outcome))
	if status := statusWords(l); status != "" && l.Outcome != layout.Succeeded {
		text += " (" + status + ")"
	}
	return oneLine(text)
}

func outcomeWords(o layout.Outcome) string {
	switch o {
	case layout.Succeeded, layout.Failed:
		return string(o)
	case layout.Stopped:
		return "was stopped"
	case layout.TimedOut:
		return "was stopped at its time limit"
	case layout.Interrupted:
		return "was interrupted"
	case layout.Rejected:
		return "was not run"
	}
	return "ended: " + layout.Display(short(string(o), 20))
}

func statusWords(l spool.Letter) string {
	switch {
	case l.Signal != nil:
		return fmt.Sprintf("signal %d", *l.Signal)
	case l.ExitCode != nil:
		return fmt.Sprintf("exit code %d", *l.ExitCode)
	}
	return ""
}

// body says what became of the job, in a few lines of bounded length.
func body(opt Options, l spool.Letter) string {
	var b strings.Builder
	line := func(key, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-12s%s\n", key+":", short(layout.Display(value), longestText))
		}
	}
	fmt.Fprintf(&b, "%s %s.\n\n", short(shownName(l), 300), outcomeWords(l.Outcome))
	line("Info", l.Info)
	line("Outcome", string(l.Outcome))
	line("Status", statusWords(l))
	line("Reason", l.Reason)
	if l.Attempt > 1 {
		line("Attempt", fmt.Sprint(l.Attempt))
	}
	line("Submitted", stamp(l.Submitted))
	line("Started", stamp(l.Started))
	line("Ended", stamp(l.Ended))
	if !l.Started.IsZero() {
		line("Duration", max(l.Ended.Sub(l.Started), 0).Round(time.Millisecond).String())
	}
	line("Machine", opt.Machine)
	line("Folder", where(opt, l))
	line("Page", link(opt, l))
	if l.Into == layout.Lost.Folder() {
		fmt.Fprintf(&b, "\nTo have it run again, mend what the reason says and drag its folder from\n%s to %s.\n", l.Into, layout.Queued.Folder())
	}
	if lines := lastLines(l.Log); len(lines) > 0 {
		fmt.Fprintf(&b, "\nThe last lines of its %s:\n\n", layout.JobLog)
		for _, text := range lines {
			fmt.Fprintf(&b, "    %s\n", text)
		}
	}
	return b.String()
}

// where is the path of the job's folder.
func where(opt Options, l spool.Letter) string {
	name, err := layout.NameOfID(l.JobID)
	if err != nil || l.Into == "" {
		return "taken away"
	}
	return filepath.Join(opt.Tree, l.Into, name)
}

// link is the job's page, wherever the job is by then.
func link(opt Options, l spool.Letter) string {
	if opt.WebURL == "" || l.Into == "" {
		return ""
	}
	return strings.TrimSuffix(opt.WebURL, "/") + path.Join("/jobs", l.JobID)
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05 MST")
}

// short cuts a text that would be too long.
func short(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
