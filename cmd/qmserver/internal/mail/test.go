package mail

import (
	"context"
	"fmt"
	"io/fs"
	"net/mail"
	"os"
	"path"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// testWithin is how long a person who waits for it is left waiting.
const testWithin = 30 * time.Second

// Test sends one mail now. It returns in words who took it, or why nobody did.
func Test(ctx context.Context, opt Options, address string) (string, error) {
	if err := checkAddress(address); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, testWithin)
	defer cancel()
	said, err := test(ctx, opt, address)
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%s does not answer within %s", opt.address(), testWithin)
	}
	return said, err
}

func test(ctx context.Context, opt Options, address string) (string, error) {
	c, err := dial(ctx, opt)
	if err != nil {
		return "", err
	}
	defer c.close()
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := m.From(opt.From); err != nil {
		return "", err
	}
	if err := m.To(address); err != nil {
		return "", err
	}
	m.Subject("QM: test")
	m.SetDate()
	m.SetMessageID()
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	m.SetBodyString(gomail.TypeTextPlain, fmt.Sprintf("qmserver on %s can send mail.\n", opt.Machine))
	if err := c.client.SendWithSMTPClient(c.smtp, m); err != nil && !m.IsDelivered() {
		return "", explain(err, opt)
	}
	return fmt.Sprintf("%s has accepted a mail to %s from %s (%s)", opt.address(), address, opt.From, oneLine(m.ServerResponse())), nil
}

// Check tells whether the sender can be one.
func (opt Options) Check() error {
	if _, err := mail.ParseAddress(opt.From); err != nil {
		return fmt.Errorf("%q can't be the sender of mail (%w); write mail_from = qm@example.org", opt.From, err)
	}
	return nil
}

// Left returns how many letters lie in the outbox at path that nobody sends.
func Left(path string) int {
	entries, err := os.ReadDir(path)
	if err != nil {
		return 0 // there is none
	}
	n := 0
	for _, e := range entries {
		if isLetter(e) {
			n++
		}
	}
	return n
}

func isLetter(e fs.DirEntry) bool {
	ext := path.Ext(e.Name())
	return ext == newSuffix || ext == mailSuffix
}
