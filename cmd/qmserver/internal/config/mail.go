package config

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"

	"qm/pkg/jobinfo"
)

// Mail is how mail is sent.
type Mail struct {
	Host         string
	Port         int    // 0: that of TLS
	TLS          string // "none", "starttls" or "tls"
	User         string // empty: no log-in
	PasswordFile string // as it stands in the configuration
	From         string // empty: the server's user at its machine
	WebURL       string

	passwordLine, userLine, hostLine int
}

// note keeps where keys stand of which more is to be said later.
func (m *Mail) note(key string, v jobinfo.Value) {
	switch key {
	case "smtp_password_file":
		m.passwordLine = v.Line
	case "smtp_user":
		m.userLine = v.Line
	case "smtp_host":
		m.hostLine = v.Line
	}
}

// checkMail tells what does not go together, and what is taken where a key is
// left out. Sound says that the keys by themselves are in order.
func (c *Config) checkMail(sound bool) jobinfo.Refusals {
	m := &c.Mail
	if c.MailActive && m.hostLine == 0 {
		c.Warnings = append(c.Warnings, fmt.Sprintf("%s: MailActive without smtp_host: mail goes to %s", c.File, net.JoinHostPort(m.Host, strconv.Itoa(m.port()))))
	}
	fault := func(line int, key, value, problem, remedy string) jobinfo.Refusals {
		return jobinfo.Refusals{{File: c.File, Line: line, Key: key, Value: value, Problem: problem, Remedy: remedy}}
	}
	switch {
	case m.User != "" && m.PasswordFile == "":
		return fault(m.userLine, "smtp_user", m.User, "smtp_password_file is missing", "write smtp_password_file = smtp.password and the password into that file")
	case m.User == "" && m.PasswordFile != "":
		return fault(m.passwordLine, "smtp_password_file", m.PasswordFile, "smtp_user is missing", "write smtp_user = qm")
	case sound && m.User != "" && m.TLS == "none" && !isThisMachine(m.Host):
		return fault(m.userLine, "smtp_user", m.User, "the password would cross the network in the clear", "write smtp_tls = starttls")
	}
	return nil
}

func isThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// port is that of the configuration, else the usual one.
func (m *Mail) port() int {
	switch {
	case m.Port != 0:
		return m.Port
	case m.TLS == "starttls":
		return 587
	case m.TLS == "tls":
		return 465
	}
	return 25
}

// Address returns the mail server's host and port.
func (m *Mail) Address() (host string, port int) { return m.Host, m.port() }

// Password reads the password; it is empty where there is no user. Loose says
// that others may read it too. The error tells line and remedy.
func (c *Config) Password() (password string, loose bool, err error) {
	if c.Mail.User == "" {
		return "", false, nil
	}
	file := c.Mail.PasswordFile
	if !filepath.IsAbs(file) {
		file = filepath.Join(filepath.Dir(c.File), file)
	}
	refuse := func(problem, remedy string) error {
		return &jobinfo.Refusal{File: c.File, Line: c.Mail.passwordLine, Key: "smtp_password_file", Value: c.Mail.PasswordFile, Problem: problem, Remedy: remedy}
	}
	data, err := read(file)
	if err != nil {
		return "", false, refuse(err.Error(), "write the password into that file and chmod 600 it")
	}
	password, _, _ = strings.Cut(string(data), "\n")
	password = strings.TrimSuffix(password, "\r")
	if password == "" {
		return "", false, refuse("its first line is empty", "write the password there")
	}
	info, err := os.Stat(file)
	return password, err == nil && info.Mode().Perm()&0o077 != 0, nil
}

func readSMTPHost(c *Config, value string) error {
	if strings.ContainsFunc(value, func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r) || strings.ContainsRune(`/@,[]`, r)
	}) || value == "" {
		return errors.New("not the name of a machine")
	}
	if strings.Contains(value, ":") && net.ParseIP(value) == nil {
		return errors.New("holds more than the name of a machine: its port is smtp_port")
	}
	c.Mail.Host = value
	return nil
}

func readPort(c *Config, value string) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 || n > 65535 {
		return errors.New("not a port from 1 to 65535")
	}
	c.Mail.Port = n
	return nil
}

func readSMTPTLS(c *Config, value string) error {
	switch word := strings.ToLower(value); word {
	case "none", "starttls", "tls":
		c.Mail.TLS = word
		return nil
	}
	return errors.New("not one of none, starttls, tls")
}

// oneLine takes a value that goes into what is said to a mail server.
func oneLine(field func(*Config) *string) func(*Config, string) error {
	return func(c *Config, value string) error {
		if value == "" {
			return errEmpty
		}
		if strings.ContainsFunc(value, unicode.IsControl) {
			return errors.New("holds a control character")
		}
		*field(c) = value
		return nil
	}
}

func readMailFrom(c *Config, value string) error {
	a, err := mail.ParseAddress(value)
	if err != nil || strings.ContainsFunc(value, unicode.IsControl) || len(a.Address) > 254 {
		return errors.New("not one address")
	}
	c.Mail.From = value
	return nil
}

func readWebURL(c *Config, value string) error {
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return errors.New("not where pages begin")
	}
	c.Mail.WebURL = strings.TrimSuffix(value, "/")
	return nil
}
