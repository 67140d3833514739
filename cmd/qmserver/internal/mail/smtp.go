package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"qm/cmd/qmserver/internal/spool"
)

// The most that a server may take to accept a connection, and for all that is
// said until the first letter, and for each letter: a timeout behind the letter
// may have it sent twice, so that is long (RFC 5321, 4.5.3.2).
const (
	dialWithin = 30 * time.Second
	talkWithin = 5 * time.Minute
)

// verdict is what became of a letter.
type verdict int

const (
	taken   verdict = iota
	refused         // for ever
	later           // the server wants it later, perhaps
	broken          // the connection, or the server, is of no use for any letter
)

// failure is why a letter was not taken.
type failure struct {
	kind verdict
	err  error
}

func (f failure) Error() string { return f.err.Error() }
func (f failure) Unwrap() error { return f.err }

// connection is one to the SMTP server, which has been greeted, and where asked
// for encrypted and logged in to.
type connection struct {
	client *gomail.Client
	smtp   *smtp.Client
	conn   net.Conn
	unhook func() bool
	taken  int // letters
}

// dial connects. It ends at once when ctx does.
func dial(ctx context.Context, opt Options) (*connection, error) {
	c := &connection{unhook: func() bool { return true }}
	var err error
	c.client, err = gomail.NewClient(opt.Host, append(opt.client(),
		gomail.WithDialContextFunc(func(dialing context.Context, network, _ string) (net.Conn, error) {
			conn, err := connect(dialing, opt, network)
			if err == nil {
				c.conn = conn
				c.unhook = context.AfterFunc(ctx, func() { _ = conn.Close() })
			}
			return conn, err
		}))...)
	if err != nil {
		return nil, err
	}
	c.smtp, err = c.client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		c.drop()
		return nil, explain(err, opt)
	}
	return c, nil
}

// connect makes the connection, and encrypts it if that comes first. The library
// writes an address of IPv6 without brackets.
func connect(ctx context.Context, opt Options, network string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialWithin)
	defer cancel()
	dialer := &net.Dialer{}
	if opt.TLS == Implicit {
		return (&tls.Dialer{NetDialer: dialer, Config: opt.encryption()}).DialContext(ctx, network, opt.address())
	}
	return dialer.DialContext(ctx, network, opt.address())
}

func (opt Options) address() string { return net.JoinHostPort(opt.Host, strconv.Itoa(opt.Port)) }

func (opt Options) encryption() *tls.Config {
	return &tls.Config{ServerName: opt.Host, MinVersion: tls.VersionTLS12}
}

func (opt Options) client() []gomail.Option {
	options := []gomail.Option{
		gomail.WithPort(opt.Port), gomail.WithTimeout(talkWithin), gomail.WithTLSConfig(opt.encryption()),
		gomail.WithTLSPolicy(gomail.NoTLS), gomail.WithoutNoop(), gomail.WithoutRset(),
	}
	if opt.TLS == StartTLS {
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if opt.User != "" {
		// Those that do not show the password come first; PLAIN and LOGIN are
		// refused by the library on a connection in the clear, but to this machine.
		options = append(options, gomail.WithUsername(opt.User), gomail.WithPassword(opt.Password),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthSCRAMSHA1, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin, gomail.SMTPAuthCramMD5))
	}
	return options
}

// send sends a letter. The id makes its Message-ID, by which it is known should
// it come twice.
func (c *connection) send(opt Options, l spool.Letter, id string) failure {
	if strings.ContainsFunc(l.To, func(r rune) bool { return r > unicode.MaxASCII }) {
		if can, _ := c.smtp.Extension("SMTPUTF8"); !can {
			return failure{refused, fmt.Errorf("%s takes no address with other characters than those of ASCII: %s", opt.address(), l.To)}
		}
	}
	m, err := message(opt, l, id)
	if err != nil {
		return failure{refused, err}
	}
	err = c.client.SendWithSMTPClient(c.smtp, m)
	if err == nil || m.IsDelivered() {
		c.taken++
		return failure{kind: taken}
	}
	f := failure{judge(err), explain(err, opt)}
	if f.kind != broken {
		_ = c.smtp.Reset() // the next one tells if that went wrong
	}
	return f
}

// judge tells whose fault it is that a letter was not taken. Who sends, and
// whether they have to log in, is a matter of the configuration, not of the
// letter.
func judge(err error) verdict {
	why, ok := errors.AsType[*gomail.SendError](err)
	if !ok {
		return broken
	}
	code := why.ErrorCode()
	switch why.Reason {
	case gomail.ErrSMTPRcptTo, gomail.ErrSMTPData, gomail.ErrSMTPDataClose:
	default:
		return broken
	}
	switch {
	case code == 421, code == 530, code < 400:
		return broken
	case code < 500:
		return later
	}
	return refused
}

// close ends the connection politely, within a second.
func (c *connection) close() {
	if c == nil {
		return
	}
	_ = c.conn.SetDeadline(time.Now().Add(time.Second))
	_ = c.smtp.Quit()
	c.drop()
}

func (c *connection) drop() {
	c.unhook()
	if c.conn != nil {
		_ = c.conn.Close()
	}
}

// explain says in words what a server or the way to it is to blame for, and
// what may help.
func explain(err error, opt Options) error {
	code := replyCode(err)
	var op *net.OpError
	var unknown *net.DNSError
	switch {
	case errors.As(err, &unknown):
		return fmt.Errorf("%s is no machine that is known here: see smtp_host (%w)", opt.Host, err)
	case isTLS(err):
		return fmt.Errorf("%s: TLS failed: %w; %s", opt.address(), err, tlsRemedy(err, opt))
	case code == 530, code == 534, code == 535, code == 538:
		return fmt.Errorf("%s does not let us in: see smtp_user and smtp_password_file (%w)", opt.address(), err)
	case code != 0:
		return fmt.Errorf("%s refuses: %w", opt.address(), err)
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return fmt.Errorf("%s does not answer (%w)", opt.address(), err)
	case errors.As(err, &op) && op.Op == "dial":
		return fmt.Errorf("%s can't be reached: see smtp_host and smtp_port (%w)", opt.address(), err)
	}
	return fmt.Errorf("%s: %w", opt.address(), err)
}

// replyCode is what the server answered, or 0.
func replyCode(err error) int {
	if reply, ok := errors.AsType[*textproto.Error](err); ok {
		return reply.Code
	}
	if sending, ok := errors.AsType[*gomail.SendError](err); ok {
		return sending.ErrorCode()
	}
	return 0
}

func isTimeout(err error) bool {
	slow, ok := errors.AsType[net.Error](err)
	return ok && slow.Timeout()
}

// oneLine is for what stands in a log or a header, whoever wrote it.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
