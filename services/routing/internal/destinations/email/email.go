// Package email tells people by mail: one message for each, as text and as a page, over SMTP (RFC 5321) with TLS (RFC 3207, RFC 8314).
package email

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"strings"

	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destinations/notify"
)

// Name of the type.
const Name = "email"

// Values of the option tls.
const (
	tlsRequired = "required"
	tlsOptional = "optional"
)

// Type gives the table's row. Concurrency is low: each message is a connection, and mail servers count them.
func Type() destination.Type {
	return destination.Type{
		Name: Name, Schemes: []string{"smtp", "smtps"}, Defaults: notify.Addressed, Notifies: true, Concurrency: 2,
		Options: notify.Options(map[string]string{"from": "", "reply_to": "", "hello": "", "tls": tlsRequired}), New: New,
	}
}

type mailer struct {
	*notify.Notifier
	server  server
	from    mail.Address
	replyTo *mail.Address
}

// New makes a mailer of a configuration.
func New(cfg destination.Config, deps destination.Deps) (destination.Destination, error) {
	settings, err := notify.Parse(cfg)
	errs := []error{err}
	bad := func(field, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s", field, fmt.Sprintf(format, args...)))
	}
	m := &mailer{}
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Path != "" || u.RawQuery != "" {
		bad("url", "must be like smtp://mail.us.example:587 (STARTTLS) or smtps://mail.us.example:465")
		u = &url.URL{}
	}
	m.server = server{host: u.Hostname(), implicit: u.Scheme == "smtps", user: cfg.Auth.User, password: cfg.Auth.Password, deps: &deps}
	port := u.Port()
	if port == "" {
		port = map[bool]string{true: "465", false: "587"}[m.server.implicit]
	}
	m.server.address = net.JoinHostPort(u.Hostname(), port)
	rest := cfg.Auth
	rest.User, rest.Password = "", ""
	switch {
	case rest != destination.Auth{}:
		bad("auth", "a mail server takes user and password alone")
	case (cfg.Auth.User == "") != (cfg.Auth.Password == ""):
		bad("auth", "needs user and password, or neither")
	}
	if len(cfg.Secrets) > 0 {
		bad("secrets", "mails are not signed by them: the mail server signs (DKIM)")
	}
	if from, ok := parse(cfg.Options["from"]); ok {
		m.from = *from
	} else {
		bad("options.from", "must be an address such as Baton <baton@us.example>")
	}
	if to := cfg.Options["reply_to"]; to != "" {
		var ok bool
		if m.replyTo, ok = parse(to); !ok {
			bad("options.reply_to", "must be an address such as sales-ops@us.example")
		}
	}
	m.server.hello = cfg.Options["hello"]
	if m.server.hello == "" {
		m.server.hello = m.domain()
	}
	if strings.ContainsFunc(m.server.hello, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		bad("options.hello", "must be the name of this machine, in ASCII")
	}
	switch cfg.Options["tls"] {
	case tlsRequired, "":
		m.server.mustTLS = true
	case tlsOptional:
	default:
		bad("options.tls", "must be %s or %s", tlsRequired, tlsOptional)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	m.Notifier = &notify.Notifier{Name: cfg.Name, Type: Name, Settings: settings, Deps: deps, Sender: m}
	return m, nil
}

func parse(s string) (*mail.Address, bool) {
	a, err := mail.ParseAddress(s)
	if err != nil {
		return nil, false
	}
	_, ok := notify.Address(a.Address)
	return a, ok
}

// domain is that of the sender's address.
func (m *mailer) domain() string {
	return m.from.Address[strings.LastIndexByte(m.from.Address, '@')+1:]
}

// Reaches gives why a person cannot be told.
func (m *mailer) Reaches(p *notify.Person) string {
	if p.Address == "" {
		return "there is no e-mail address in the directory"
	}
	return ""
}

// Send sends one mail to one person.
func (m *mailer) Send(ctx context.Context, to *notify.Recipient, msg *notify.Message) destination.Outcome {
	person := to.People[0]
	raw, err := m.write(person, msg)
	if err != nil {
		return destination.Outcome{Verdict: destination.Never, Reason: "the mail cannot be written"}
	}
	return m.server.send(ctx, m.from.Address, person.Address, raw)
}

// Check asks the server to let us in, and looks whether everybody can be told.
func (m *mailer) Check(ctx context.Context) (problems []string, err error) {
	problems, err = m.Problems(ctx)
	if err != nil {
		return nil, fmt.Errorf("look at the directory: %w", err)
	}
	switch o := m.server.look(ctx, m.from.Address); o.Verdict {
	case destination.Done:
	case destination.Operator, destination.Never:
		problems = append(problems, "the mail server: "+o.Reason)
	default:
		return problems, errors.New("the mail server: " + o.Reason)
	}
	return problems, nil
}
