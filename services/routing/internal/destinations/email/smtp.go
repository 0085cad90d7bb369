package email

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"net/textproto"
	"regexp"
	"strings"
	"time"

	"github.com/batonhq/baton/services/routing/internal/destination"
)

const (
	// sendWithin bounds one message from the connection to the server's word that it has it. RFC 5321 (section 4.5.3.2) would have a
	// client wait for minutes at each step: a server that slow is tried again.
	sendWithin = 90 * time.Second
	// maxReplies bounds all that a server says in one connection, in bytes.
	maxReplies = 256 << 10
)

// server is a mail server and how it lets us in.
type server struct {
	address, host, hello string
	// implicit: TLS from the first byte on; else STARTTLS, which must be offered if mustTLS, except on this machine.
	implicit, mustTLS bool
	user, password    string
	deps              *destination.Deps
}

// session is a connection that has been let in.
type session struct {
	*smtp.Client
	stop func()
}

// close ends a session, politely where that is possible.
func (s *session) close() {
	_ = s.Quit() // what was taken was taken
	_ = s.Close()
	s.stop()
}

var (
	errNoTLS     = errors.New("it offers no STARTTLS")
	errNoAuth    = errors.New("it lets nobody log in with PLAIN or LOGIN")
	errClearAuth = errors.New("credentials are not sent without TLS")
)

// Steps of a session, as reasons name them.
const (
	stepConnect = "connect"
	stepTLS     = "TLS"
	stepLogIn   = "log in"
	stepFrom    = "sender"
	stepTo      = "recipient"
	stepData    = "message"
)

// failure is an error with the step at which it came.
type failure struct {
	step string
	err  error
}

// open makes a connection and logs in.
func (s *server) open(ctx context.Context) (*session, *failure) {
	conn, err := s.deps.Notify.Dial(ctx, "tcp", s.address)
	if err != nil {
		return nil, &failure{stepConnect, err}
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	out := &session{stop: func() { stop() }}
	fail := func(step string, err error) (*session, *failure) {
		stop()
		_ = conn.Close()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, &failure{step, err}
	}
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return fail(stepConnect, err)
		}
	}
	loopback := isLoopback(conn.RemoteAddr())
	var wire net.Conn = &bounded{Conn: conn, left: maxReplies}
	if s.implicit {
		secured := tls.Client(wire, s.tls())
		if err := secured.HandshakeContext(ctx); err != nil {
			return fail(stepTLS, err)
		}
		wire = secured
	}
	if out.Client, err = smtp.NewClient(wire, s.host); err != nil {
		return fail(stepConnect, err)
	}
	if err := out.Hello(s.hello); err != nil {
		return fail(stepConnect, err)
	}
	if !s.implicit {
		offered, _ := out.Extension("STARTTLS")
		switch {
		case offered:
			if err := out.StartTLS(s.tls()); err != nil {
				return fail(stepTLS, err)
			}
		case s.mustTLS && !loopback:
			return fail(stepTLS, errNoTLS)
		}
	}
	if s.user != "" {
		if err := s.logIn(out.Client, loopback); err != nil {
			return fail(stepLogIn, err)
		}
	}
	return out, nil
}

func (s *server) tls() *tls.Config {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.deps.Notify.TLS != nil {
		cfg = s.deps.Notify.TLS.Clone()
	}
	cfg.ServerName = s.host
	return cfg
}

// logIn uses the first of PLAIN (RFC 4616) and LOGIN that the server offers. It sends nothing in the clear, but on this machine.
func (s *server) logIn(c *smtp.Client, loopback bool) error {
	if _, secured := c.TLSConnectionState(); !secured && !loopback {
		return errClearAuth
	}
	_, offered := c.Extension("AUTH")
	for _, mechanism := range strings.Fields(strings.ToUpper(offered)) {
		switch mechanism {
		case "PLAIN":
			return c.Auth(&auth{name: mechanism, first: []byte("\x00" + s.user + "\x00" + s.password)})
		case "LOGIN":
			return c.Auth(&auth{name: mechanism, answers: [][]byte{[]byte(s.user), []byte(s.password)}})
		}
	}
	return errNoAuth
}

// auth is an exchange whose answers are known beforehand, whatever the server's prompts are called.
type auth struct {
	name    string
	first   []byte
	answers [][]byte
}

// Start gives the mechanism and what is sent with it.
func (a *auth) Start(*smtp.ServerInfo) (mechanism string, first []byte, err error) {
	return a.name, a.first, nil
}

// Next gives the next answer.
func (a *auth) Next(_ []byte, more bool) ([]byte, error) {
	if !more {
		return nil, nil
	}
	if len(a.answers) == 0 {
		return nil, errors.New("the server asks for more than it should")
	}
	next := a.answers[0]
	a.answers = a.answers[1:]
	return next, nil
}

// send sends a message from one address to another: Done once the server took it.
func (s *server) send(ctx context.Context, from, to string, message []byte) destination.Outcome {
	own, cancel := context.WithTimeout(ctx, sendWithin)
	defer cancel()
	c, f := s.open(own)
	if f != nil {
		return judge(own, f)
	}
	defer c.close()
	if ok, _ := c.Extension("SMTPUTF8"); !ok && !ascii(to) {
		return destination.Outcome{Verdict: destination.Never, Reason: "the address has characters that the mail server cannot handle (it offers no SMTPUTF8)"}
	}
	if err := c.Mail(from); err != nil {
		return judge(own, &failure{stepFrom, err})
	}
	if err := c.Rcpt(to); err != nil {
		return judge(own, &failure{stepTo, err})
	}
	w, err := c.Data()
	if err == nil {
		_, err = w.Write(message)
		if closed := w.Close(); err == nil {
			err = closed
		}
	}
	if err != nil {
		return judge(own, &failure{stepData, err})
	}
	return destination.Outcome{Verdict: destination.Done, Status: 250}
}

// look finds out whether the server lets us in, and takes our sender.
func (s *server) look(ctx context.Context, from string) destination.Outcome {
	own, cancel := context.WithTimeout(ctx, sendWithin)
	defer cancel()
	c, f := s.open(own)
	if f != nil {
		return judge(own, f)
	}
	defer c.close()
	if err := c.Mail(from); err != nil {
		return judge(own, &failure{stepFrom, err})
	}
	_ = c.Reset() // it was a question
	return destination.Outcome{Verdict: destination.Done}
}

// judge says what a failure stands for (codes: RFC 5321, section 4.2; RFC 4954, section 6). What the server said beside its codes is not
// told: it quotes addresses.
func judge(ctx context.Context, f *failure) destination.Outcome {
	var said *textproto.Error
	if !errors.As(f.err, &said) {
		return judgeConnection(ctx, f)
	}
	o := destination.Outcome{Status: said.Code, Reason: fmt.Sprintf("%s: %d", f.step, said.Code)}
	if m := enhanced().FindString(said.Msg); m != "" {
		o.Reason += " " + strings.TrimSpace(m)
	}
	temporary := said.Code >= 400 && said.Code < 500
	switch {
	case said.Code == 421:
		o.Verdict = destination.Later
	case f.step == stepLogIn && said.Code != 454, said.Code == 530, said.Code == 534, said.Code == 535, said.Code == 538:
		o.Verdict = destination.Operator
	case temporary && f.step == stepTo, temporary && f.step == stepData: // greylisting, a full mailbox
		o.Verdict = destination.Again
	case temporary:
		o.Verdict, o.Sick = destination.Again, true
	case f.step == stepTo, f.step == stepData:
		o.Verdict = destination.Never
	default: // it wants nothing of us: not our greeting, not our sender
		o.Verdict = destination.Operator
	}
	return o
}

func judgeConnection(ctx context.Context, f *failure) destination.Outcome {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verify *tls.CertificateVerificationError
	var alert tls.AlertError
	var noTLS tls.RecordHeaderError
	switch {
	case errors.Is(f.err, errNoTLS), errors.Is(f.err, errNoAuth), errors.Is(f.err, errClearAuth):
		return destination.Outcome{Verdict: destination.Operator, Reason: f.step + ": " + f.err.Error()}
	case errors.As(f.err, &verify), errors.As(f.err, &unknown), errors.As(f.err, &name), errors.As(f.err, &invalid):
		return destination.Outcome{Verdict: destination.Operator, Reason: "TLS: the server's certificate cannot be verified"}
	case errors.As(f.err, &noTLS), errors.As(f.err, &alert):
		return destination.Outcome{Verdict: destination.Operator, Reason: "TLS: there is no common ground (smtps:// for TLS from the start, smtp:// for STARTTLS)"}
	}
	if ctx.Err() != nil && f.step != stepConnect {
		f.err = ctx.Err()
	}
	o := destination.Unreachable(f.err)
	o.Reason = f.step + ": " + o.Reason
	return o
}

// enhanced finds the status code at the start of a reply's text (RFC 3463).
func enhanced() *regexp.Regexp { return regexp.MustCompile(`^[245]\.[0-9]{1,3}\.[0-9]{1,3}\b`) }

func isLoopback(a net.Addr) bool {
	host, _, err := net.SplitHostPort(a.String())
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback()
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
}

// bounded is a connection of which so much is read and no more.
type bounded struct {
	net.Conn
	left int
}

// Read reads what is left.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("%w: the server says too much", io.ErrUnexpectedEOF)
	}
	n, err := b.Conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

var _ smtp.Auth = (*auth)(nil)

// encoded is how a mail's id names its recipient.
func encoded(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
