package email

import (
	"mime"
	"net"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destination/destinationtest"
	"github.com/batonhq/baton/services/routing/internal/destinations/notify"
)

func TestConfiguration(t *testing.T) {
	s := &mailServer{listener: fixed{}}
	for want, change := range map[string]func(*destination.Config){
		"url: ":               func(c *destination.Config) { c.URL = "https://mail.us.example" },
		"auth: needs":         func(c *destination.Config) { c.Auth.User = "baton" },
		"auth: a mail":        func(c *destination.Config) { c.Auth.Token = "x" },
		"options.from: ":      func(c *destination.Config) { c.Options["from"] = "" },
		"options.reply_to: ":  func(c *destination.Config) { c.Options["reply_to"] = "ops@us.example\r\nBcc: eve@other.example" },
		"options.tls: ":       func(c *destination.Config) { c.Options["tls"] = "no" },
		"options.hello: ":     func(c *destination.Config) { c.Options["hello"] = "a b" },
		"options.to: ":        func(c *destination.Config) { c.Options["to"] = "owner, bo@@us.example" },
		"options.to_weekly: ": func(c *destination.Config) { c.Options["to_weekly"] = "the boss" },
		"options.urgent: ":    func(c *destination.Config) { c.Options["urgent"] = "handoff.lost" },
		"options.time_zone: ": func(c *destination.Config) { c.Options["time_zone"] = "Mars" },
		"options.links: ":     func(c *destination.Config) { c.Options["links"] = "some" },
		"options.open: ":      func(c *destination.Config) { c.Options["open"] = "javascript:alert(1)" },
		"quiet.outside: ":     func(c *destination.Config) { c.Quiet.Outside = "night" },
		"digest: ":            func(c *destination.Config) { c.Digest = destination.Digest{Every: time.Hour, At: "08:30"} },
		"digest.every: ":      func(c *destination.Config) { c.Digest.Every = 7 * time.Hour },
		"digest.at: ":         func(c *destination.Config) { c.Digest.At = "8h" },
		"secrets: ":           func(c *destination.Config) { c.Secrets = []string{"whsec_x"} },
	} {
		if _, err := New(config(s, change), destination.Deps{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := New(config(s, nil), destination.Deps{}); err != nil {
		t.Error(err)
	}
}

// fixed is a listener that has an address and nothing else.
type fixed struct{ net.Listener }

func (fixed) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2525} }

// Whatever stands in a lead or a rep, a mail stays one mail to one person with the headers that it has.
func FuzzHeaders(f *testing.F) {
	f.Add("Ana\r\nBcc: eve@other.example", "VP\r\n\r\n<script>", "msg_1")
	f.Add("=?utf-8?q?x?=", "\u2028Engineering\x00", "a b\r\nc")
	f.Add(strings.Repeat("Ågot ", 80), "\xff\xfe", "..")
	m := &mailer{from: mail.Address{Name: "Baton", Address: "baton@us.example"}}
	f.Fuzz(func(t *testing.T, name, title, id string) {
		msg := &notify.Message{ID: id, Subject: name + title, Lead: title, Lines: []string{name}, Why: title, At: destinationtest.Noon(), Links: []notify.Link{{Label: "Open", URL: "https://us.example/" + name}}}
		raw, err := m.write(&notify.Person{Key: "ana", Name: name, Address: "ana@us.example"}, msg)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(string(raw), "\r\n") {
			if len(line) > 998 || strings.ContainsAny(line, "\r\n\x00") || strings.ContainsFunc(line, func(r rune) bool { return r >= 0x80 }) {
				t.Fatalf("a line that is none: %q", line)
			}
		}
		p := read(t, string(raw))
		if len(p.Header) != 9 {
			t.Fatalf("%d headers: %v", len(p.Header), p.Header)
		}
		to, err := p.AddressList("To")
		if err != nil || len(to) != 1 || to[0].Address != "ana@us.example" {
			t.Fatalf("%v %v", to, err)
		}
		if _, err := new(mime.WordDecoder).DecodeHeader(p.Get("Subject")); err != nil {
			t.Fatal(err)
		}
	})
}
