package app

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/mail"
	"net/textproto"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/config"
	"github.com/batonhq/baton/pkg/journal/journaltest"
	"github.com/batonhq/baton/services/routing"
)

// mailbox is a mail server on this machine that takes everything.
type mailbox struct {
	net.Listener
	mu    sync.Mutex
	mails []string
}

func newMailbox(t *testing.T) *mailbox {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &mailbox{Listener: l}
	var serving sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); serving.Wait() })
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { b.serve(conn) })
		}
	})
	return b
}

func (b *mailbox) serve(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	c := textproto.NewConn(conn)
	_ = c.PrintfLine("220 us.example")
	for {
		line, err := c.ReadLine()
		if err != nil {
			return
		}
		answer := "250 ok"
		switch verb, _, _ := strings.Cut(line, " "); verb {
		case "DATA":
			_ = c.PrintfLine("354 go on")
			raw, err := c.ReadDotBytes()
			if err != nil {
				return
			}
			b.mu.Lock()
			b.mails = append(b.mails, string(raw))
			b.mu.Unlock()
		case "QUIT":
			answer = "221 bye"
		}
		if c.PrintfLine("%s", answer) != nil {
			return
		}
	}
}

// to gives the plain texts of the mails to an address, each behind its subject.
func (b *mailbox) to(t *testing.T, address string) (texts []string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, raw := range b.mails {
		m, err := mail.ReadMessage(strings.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(m.Header.Get("To"), address) {
			continue
		}
		subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
		if err != nil {
			t.Fatal(err)
		}
		_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		p, err := multipart.NewReader(m.Body, params["boundary"]).NextRawPart()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, subject+"\n"+string(text))
	}
	return texts
}

// A rep gets a mail, opens the link in it and has accepted; what another has accepted is said in theirs. A sample goes to whom the
// destination tells and to nobody else.
func TestAHandoffIsAcceptedOutOfAMail(t *testing.T) {
	box := newMailbox(t)
	dir := t.TempDir()
	directory := strings.NewReplacer("name: Ana, team", "name: Ana, email: ana@us.example, time_zone: Europe/Stockholm, team", "name: Bo, team", "name: Bo, email: bo@us.example, team").Replace(salesDirectory)
	for name, text := range map[string]string{"directory.yaml": directory, "agreement.yaml": salesAgreement} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := &sales{t: t, dir: filepath.Join(dir, "data")}
	c := anyPorts(s.dir)
	c.Directory, c.Agreement = config.Path(filepath.Join(dir, "directory.yaml")), config.Path(filepath.Join(dir, "agreement.yaml"))
	for name, role := range map[string]string{"root": roleAdmin, "kim": roleManager} {
		c.Tokens = append(c.Tokens, TokenConfig{Name: name, Roles: []string{role}, Token: config.NewSecret("tok-" + name)})
	}
	c.HTTP.PublicURL = "http://baton.us.example"
	c.Destinations = []routing.Destination{{
		Name: "mail", Type: "email", URL: "smtp://" + box.Addr().String(), Options: map[string]string{"from": "Baton <baton@us.example>"},
		Quiet: routing.Quiet{Outside: "working"},
	}}
	s.addr, s.out, _ = begin(t, Up, c)
	journaltest.Eventually(t, "everything is ready", func() error {
		if code, got := s.call("root", http.MethodGet, "/api/v1/reasons", nil); code != http.StatusOK {
			return fmt.Errorf("%v", got)
		}
		return nil
	})
	id := s.handoff(1)
	var text string
	journaltest.Eventually(t, "ana has the mail", func() error {
		got := box.to(t, "ana@us.example")
		if len(got) == 0 {
			return errors.New("no mail")
		}
		text = got[0]
		return nil
	})
	link := regexp.MustCompile(`Accept: http://baton\.us\.example(/r/[A-Za-z0-9_-]+)`).FindStringSubmatch(text)
	if link == nil || !strings.Contains(text, "x1@initech.example") || !regexp.MustCompile(`: accept by [0-9:A-Za-z ]+\n`).MatchString(text) {
		t.Fatalf("%s", text)
	}
	resp, err := http.Post("http://"+s.addr.HTTP+link[1], "application/x-www-form-urlencoded", bytes.NewReader(nil)) //nolint:noctx // a browser has none either
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if page, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK || !strings.Contains(string(page), "It is yours") {
		t.Fatalf("%d %s", resp.StatusCode, page)
	}
	code, got := s.call("root", http.MethodGet, "/api/v1/handoffs/"+id, nil)
	s.want(200, map[string]any{"stage": "accepted"}, code, got)

	// It goes to somebody else: both are told.
	code, got = s.call("kim", http.MethodPost, "/api/v1/handoffs/"+id+"/reassign", map[string]any{"to": "bo", "reason": "ill"})
	s.want(200, nil, code, got)
	journaltest.Eventually(t, "both are told", func() error {
		ana, bo := box.to(t, "ana@us.example"), box.to(t, "bo@us.example")
		if len(ana) != 2 || len(bo) != 1 {
			return fmt.Errorf("%d and %d mails", len(ana), len(bo))
		}
		if !strings.Contains(ana[1], "went to Bo") || strings.Contains(ana[1], "/r/") || !strings.HasPrefix(bo[0], "Now yours: ") {
			return fmt.Errorf("%s\n%s", ana[1], bo[0])
		}
		return nil
	})

	code, got = s.call("root", http.MethodPost, "/api/v1/destinations/mail/test", map[string]any{"to": "bo"})
	s.want(200, map[string]any{"sent": true}, code, got)
	if bo := box.to(t, "bo@us.example"); len(bo) != 2 || !strings.HasPrefix(bo[1], "Sample: ") {
		t.Errorf("%v", bo)
	}
	for _, to := range []string{"eve@other.example", "di-di"} {
		code, got = s.call("root", http.MethodPost, "/api/v1/destinations/mail/test", map[string]any{"to": to})
		s.want(400, nil, code, got)
	}
	code, got = s.call("root", http.MethodPost, "/api/v1/destinations/nobody/test", map[string]any{})
	s.want(404, nil, code, got)
	for _, secret := range []string{"initech.example", "us.example", link[1]} {
		if strings.Contains(s.out.String(), secret) {
			t.Errorf("the log has %s", secret)
		}
	}
}
