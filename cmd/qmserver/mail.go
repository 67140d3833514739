package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"qm/cmd/qmserver/internal/config"
	"qm/cmd/qmserver/internal/mail"
	"qm/pkg/layout"
)

// openMail opens the outbox, or returns nil where no mail is sent.
func openMail(cfg config.Config, log *slog.Logger) (*mail.Outbox, error) {
	path := layout.Tree(cfg.Folder).Path(layout.OutboxDir)
	if !cfg.MailActive {
		if n := mail.Left(path); n > 0 {
			log.Warn("mail of an earlier server waits; write MailActive = yes to have it sent", "waiting", n)
		}
		return nil, nil
	}
	opt, loose, err := mailOptions(cfg)
	if err != nil {
		return nil, err
	}
	if loose {
		log.Warn("others may read the mail server's password; chmod 600 it", "file", cfg.Mail.PasswordFile)
	}
	return mail.Open(path, opt, log)
}

func mailOptions(cfg config.Config) (opt mail.Options, loose bool, err error) {
	opt = mail.Options{TLS: mail.TLS(cfg.Mail.TLS), User: cfg.Mail.User, From: cfg.Mail.From, WebURL: cfg.Mail.WebURL, Machine: hostname()}
	if opt.Tree, err = filepath.Abs(cfg.Folder); err != nil {
		return opt, false, err
	}
	opt.Host, opt.Port = cfg.Mail.Address()
	if opt.From == "" {
		opt.From = userName() + "@" + opt.Machine
	}
	opt.Password, loose, err = cfg.Password()
	if err != nil {
		return opt, loose, usageError{err}
	}
	if err := opt.Check(); err != nil {
		return opt, loose, usageError{err}
	}
	return opt, loose, nil
}

func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "qmserver"
}

func hostname() string {
	if host, err := os.Hostname(); err == nil {
		return host
	}
	return "unknown"
}

// drainWithin is how long a drain stays to send its mail.
const drainWithin = 30 * time.Second

// drainMail sends what waits, unless it is told to end, and says what stays.
func drainMail(ctx context.Context, post *mail.Outbox) {
	if post == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, drainWithin)
	defer cancel()
	if n := post.Drain(ctx); n > 0 {
		fmt.Fprintf(os.Stderr, "qmserver: %d mails stay in %s: the next start sends them\n", n, layout.OutboxDir)
	}
}

// testMail sends one mail now and says what happened.
func testMail(opt options) error {
	cfg, err := readConfig(opt.config)
	if err != nil {
		return err
	}
	if !cfg.MailActive {
		fmt.Fprintln(os.Stderr, "qmserver: warning: MailActive is off: no mail is sent about jobs")
	}
	m, loose, err := mailOptions(cfg)
	if err != nil {
		return err
	}
	if loose {
		fmt.Fprintf(os.Stderr, "qmserver: warning: others may read %s: chmod 600 it\n", cfg.Mail.PasswordFile)
	}
	said, err := mail.Test(context.Background(), m, opt.testMail)
	switch {
	case errors.Is(err, mail.ErrAddress):
		return usageError{err}
	case err != nil:
		return err
	}
	fmt.Println(said)
	return nil
}
