package email

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"io"
	"math/big"
	"net"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// mailServer speaks SMTP as RFC 5321 has it: greeting, EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, RSET, QUIT, in order.
type mailServer struct {
	t        *testing.T
	listener net.Listener
	cert     tls.Certificate
	pool     *x509.CertPool
	// implicit TLS; noTLS offers no STARTTLS; auth is what it offers, "" for none: then nobody needs it.
	implicit, noTLS bool
	auth            string
	user, password  string
	utf8            bool

	mu sync.Mutex
	// fault answers a command in place of the server, by its name (greeting, EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, message); "hang up" closes.
	fault  map[string]string
	mails  []taken
	clear  []string // commands that came without TLS
	dialed int
}

type taken struct {
	from string
	to   []string
	data string
}

func newServer(t *testing.T, change func(*mailServer)) *mailServer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	s := &mailServer{t: t, cert: tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}, pool: x509.NewCertPool(), fault: map[string]string{}}
	s.pool.AddCert(parsed)
	if change != nil {
		change(s)
	}
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	t.Cleanup(func() { _ = s.listener.Close(); serving.Wait() })
	serving.Go(func() {
		for {
			conn, err := s.listener.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.dialed++
			s.mu.Unlock()
			serving.Go(func() { s.serve(conn) })
		}
	})
	return s
}

func (s *mailServer) url() string {
	if s.implicit {
		return "smtps://" + s.listener.Addr().String()
	}
	return "smtp://" + s.listener.Addr().String()
}

func (s *mailServer) answers(command, answer string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fault = map[string]string{}; command != "" {
		s.fault[command] = answer
	}
}

func (s *mailServer) received() []taken {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

type talk struct {
	s    *mailServer
	conn net.Conn
	text *textproto.Conn
	// secured, in: TLS, and logged in.
	secured, in bool
	mail        *taken
}

func (s *mailServer) serve(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	c := &talk{s: s, conn: conn, in: s.auth == ""}
	if s.implicit {
		secured := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{s.cert}})
		if secured.Handshake() != nil {
			return
		}
		c.conn, c.secured = secured, true
	}
	c.text = textproto.NewConn(c.conn)
	if !c.say("greeting", "220 mail.us.example ESMTP") {
		return
	}
	for {
		line, err := c.text.ReadLine()
		if err != nil || !c.command(line) {
			return
		}
	}
}

// say answers as the fault says, or else as is right; false where the connection ends.
func (c *talk) say(command, answer string) bool {
	c.s.mu.Lock()
	if f := c.s.fault[command]; f != "" {
		answer = f
	}
	c.s.mu.Unlock()
	if answer == "hang up" {
		return false
	}
	for part := range strings.SplitSeq(answer, "\n") {
		if c.text.PrintfLine("%s", part) != nil {
			return false
		}
	}
	return !strings.HasPrefix(answer, "421")
}

func (c *talk) faulty(command string) bool {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	return c.s.fault[command] != ""
}

func (c *talk) command(line string) bool {
	verb, rest, _ := strings.Cut(line, " ")
	verb = strings.ToUpper(verb)
	if !c.secured {
		c.s.mu.Lock()
		c.s.clear = append(c.s.clear, verb)
		c.s.mu.Unlock()
	}
	switch {
	case verb == "EHLO":
		lines := []string{"250-mail.us.example", "250-8BITMIME"}
		if !c.secured && !c.s.noTLS {
			lines = append(lines, "250-STARTTLS")
		}
		if c.s.auth != "" {
			lines = append(lines, "250-AUTH "+c.s.auth)
		}
		if c.s.utf8 {
			lines = append(lines, "250-SMTPUTF8")
		}
		return c.say("EHLO", strings.Join(append(lines, "250 SIZE 1000000"), "\n"))
	case verb == "HELO" && c.faulty("EHLO"):
		return c.say("EHLO", "")
	case verb == "STARTTLS":
		if on := c.say("STARTTLS", "220 go ahead"); !on || c.faulty("STARTTLS") {
			return on
		}
		secured := tls.Server(c.conn, &tls.Config{Certificates: []tls.Certificate{c.s.cert}})
		if secured.Handshake() != nil {
			return false
		}
		c.conn, c.text, c.secured = secured, textproto.NewConn(secured), true
		return true
	case verb == "AUTH":
		return c.logIn(rest)
	case verb == "QUIT":
		_ = c.say("QUIT", "221 bye")
		return false
	case verb == "RSET":
		c.mail = nil
		return c.say("RSET", "250 ok")
	case !c.in:
		return c.say("", "530 5.7.0 authentication needed")
	case verb == "MAIL" && c.mail == nil:
		if c.faulty("MAIL") {
			return c.say("MAIL", "")
		}
		c.mail = &taken{from: address(rest)}
		return c.say("MAIL", "250 ok")
	case verb == "RCPT" && c.mail != nil:
		if !c.faulty("RCPT") {
			c.mail.to = append(c.mail.to, address(rest))
		}
		return c.say("RCPT", "250 ok")
	case verb == "DATA" && c.mail != nil && len(c.mail.to) > 0:
		if on := c.say("DATA", "354 go on"); !on || c.faulty("DATA") {
			return on
		}
		data, err := io.ReadAll(bufio.NewReader(c.text.DotReader()))
		if err != nil {
			return false
		}
		c.mail.data = string(data)
		c.s.mu.Lock()
		if f := c.s.fault["message"]; f == "" || f == "hang up" { // taken, and perhaps the answer is lost
			c.s.mails = append(c.s.mails, *c.mail)
		}
		c.s.mu.Unlock()
		c.mail = nil
		return c.say("message", "250 2.0.0 queued")
	}
	return c.say("", "503 5.5.1 not now: "+verb)
}

func (c *talk) logIn(rest string) bool {
	if c.faulty("AUTH") {
		return c.say("AUTH", "")
	}
	mechanism, first, _ := strings.Cut(rest, " ")
	user, password := "", ""
	switch mechanism {
	case "PLAIN":
		raw, err := base64.StdEncoding.DecodeString(first)
		if parts := strings.Split(string(raw), "\x00"); err == nil && len(parts) == 3 {
			user, password = parts[1], parts[2]
		}
	case "LOGIN":
		for _, ask := range []struct {
			prompt string
			into   *string
		}{{"Username:", &user}, {"Password:", &password}} {
			if c.text.PrintfLine("334 %s", base64.StdEncoding.EncodeToString([]byte(ask.prompt))) != nil {
				return false
			}
			line, err := c.text.ReadLine()
			if err != nil {
				return false
			}
			raw, _ := base64.StdEncoding.DecodeString(line)
			*ask.into = string(raw)
		}
	default:
		return c.say("", "504 5.5.4 not that")
	}
	if user != c.s.user || password != c.s.password {
		return c.say("", "535 5.7.8 no")
	}
	c.in = true
	return c.say("AUTH", "235 2.7.0 welcome")
}

func address(s string) string {
	_, s, _ = strings.Cut(s, "<")
	s, _, _ = strings.Cut(s, ">")
	return s
}
