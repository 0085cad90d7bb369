package email

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/links"
	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/calendar"
	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destination/destinationtest"
	"github.com/batonhq/baton/services/routing/internal/destinations/notify"
	"github.com/batonhq/baton/services/routing/internal/render/document"
)

func directory() *core.Directory {
	stockholm, err := time.LoadLocation("Europe/Stockholm")
	if err != nil {
		stockholm = time.FixedZone("Europe/Stockholm", 3600)
	}
	d := &core.Directory{
		Teams: []core.Team{{ID: "emea", Manager: "kim@us.example"}},
		Reps: []core.Rep{
			{ID: "ana", Name: "Ana", Email: "ana@us.example", Team: "emea", Active: true, Calendar: calendar.Calendar{Location: stockholm, Always: true}},
			{ID: "bo", Name: "Bo", Email: "bo@us.example", Team: "emea", Active: true, Calendar: calendar.Calendar{Location: time.UTC, Always: true}},
			{ID: "cy", Name: "Cy", Team: "emea", Active: true, Calendar: calendar.Calendar{Location: time.UTC, Always: true}},
		},
	}
	d.Index()
	return d
}

func depsOf(s *mailServer, log io.Writer) destination.Deps {
	return destination.Deps{
		Now: destinationtest.Noon, Log: slog.New(slog.NewTextHandler(log, nil)), Text: document.Text, HTML: document.HTML, Subject: document.Subject,
		Notify: destination.Notify{
			Directory: func(context.Context, time.Time) (*core.Directory, error) { return directory(), nil },
			Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, address)
			},
			TLS:       &tls.Config{RootCAs: s.pool, MinVersion: tls.VersionTLS12},
			PublicURL: "https://baton.us.example",
			Link: func(handoff, rep string, assignment int, action links.Action, _ time.Time) string {
				return "https://baton.us.example/r/" + handoff + "." + rep + "." + action.String() + string(rune('0'+assignment))
			},
		},
	}
}

func config(s *mailServer, change func(*destination.Config)) destination.Config {
	cfg := destination.Config{Name: "mail", Type: Name, URL: s.url(), Options: map[string]string{}, Events: notify.Events()}
	for k, v := range Type().Options {
		cfg.Options[k] = v
	}
	cfg.Options["from"] = "Baton <baton@us.example>"
	if s.auth != "" {
		cfg.Auth = destination.Auth{User: s.user, Password: s.password}
	}
	if change != nil {
		change(&cfg)
	}
	return cfg
}

func makeMailer(t *testing.T, s *mailServer, log io.Writer, change func(*destination.Config)) *mailer {
	t.Helper()
	d, err := New(config(s, change), depsOf(s, log))
	if err != nil {
		t.Fatal(err)
	}
	return d.(*mailer)
}

func routed() *destination.Job {
	job := destinationtest.Routed("ho_1", "ana@initech.example")
	job.Payload.Brief.WhyNow = []string{"They asked for a demo.", "They read the prices twice."}
	job.Standing = &destination.Standing{Stage: "routed", Rep: "ana"}
	return job
}

// parsed is a mail as a mail program reads it.
type parsed struct {
	mail.Header
	text, html string
}

func read(t testing.TB, raw string) parsed {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatalf("%v in\n%s", err, raw)
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("%s %v", kind, err)
	}
	out := parsed{Header: m.Header}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		p, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(p.Header.Get("Content-Type"), "text/plain") {
			out.text = string(body)
		} else {
			out.html = string(body)
		}
	}
}

func (p parsed) subject(t testing.TB) string {
	t.Helper()
	s, err := new(mime.WordDecoder).DecodeHeader(p.Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheMail(t *testing.T) {
	for name, change := range map[string]func(*mailServer){
		"STARTTLS, PLAIN":      func(s *mailServer) { s.auth, s.user, s.password = "LOGIN PLAIN", "baton", "hush" },
		"TLS, LOGIN":           func(s *mailServer) { s.implicit, s.auth, s.user, s.password = true, "LOGIN", "baton", "hush" },
		"nothing, on loopback": func(s *mailServer) { s.noTLS = true },
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			s := newServer(t, change)
			m := makeMailer(t, s, &log, func(c *destination.Config) { c.Options["reply_to"] = "ops@us.example" })
			for range 2 { // it comes again
				if o := m.Deliver(t.Context(), routed()); o.Verdict != destination.Done || o.Status != 250 || len(o.Told) != 1 {
					t.Fatalf("%+v", o)
				}
			}
			got := s.received()
			if len(got) != 2 || got[0].from != "baton@us.example" || len(got[0].to) != 1 || got[0].to[0] != "ana@us.example" {
				t.Fatalf("%+v", got)
			}
			p, again := read(t, got[0].data), read(t, got[1].data)
			for header, want := range map[string]string{
				"From": `"Baton" <baton@us.example>`, "To": `"Ana" <ana@us.example>`, "Reply-To": "<ops@us.example>", "Auto-Submitted": "auto-generated",
				"Date": "Fri, 20 Nov 2026 12:00:00 +0000",
			} {
				if p.Get(header) != want {
					t.Errorf("%s: %q, want %q", header, p.Get(header), want)
				}
			}
			if id := p.Get("Message-ID"); id != again.Get("Message-ID") || !strings.HasPrefix(id, "<msg_handoff-routed_ho_1.") || !strings.HasSuffix(id, "@us.example>") {
				t.Errorf("%s, %s", id, again.Get("Message-ID"))
			}
			// 16:00 UTC is 17:00 in Stockholm.
			if want := "ana Lind, VP Engineering at Initech, asked for a demo: accept by 17:00"; p.subject(t) != want {
				t.Errorf("%q, want %q", p.subject(t), want)
			}
			for _, want := range []string{
				"Please accept by 17:00, and contact them by Sat 17:00.", "They read the prices twice.", "the route named",
				"Accept: https://baton.us.example/r/ho_1.ana.accept0", "Reject: https://baton.us.example/r/ho_1.ana.reject0", "ana@initech.example",
			} {
				if !strings.Contains(p.text, want) {
					t.Errorf("no %q in\n%s", want, p.text)
				}
			}
			if !strings.Contains(p.html, `href="https://baton.us.example/r/ho_1.ana.accept0"`) || strings.Count(p.html, "<body") != 1 || !strings.Contains(p.html, "Please accept by 17:00") {
				t.Errorf("%s", p.html)
			}
			for _, secret := range []string{"initech", "us.example", "hush", "/r/"} {
				if strings.Contains(log.String(), secret) {
					t.Errorf("%s in the log: %s", secret, &log)
				}
			}
		})
	}
}

// What every answer at every step stands for, and that a fault leaves a mail that is sent later.
func TestVerdicts(t *testing.T) {
	for _, tc := range []struct {
		command, answer string
		want            destination.Outcome
	}{
		{"greeting", "421 4.3.2 later", destination.Outcome{Verdict: destination.Later, Status: 421, Reason: "connect: 421 4.3.2"}},
		{"greeting", "554 not you", destination.Outcome{Verdict: destination.Operator, Status: 554, Reason: "connect: 554"}},
		{"greeting", "hang up", destination.Outcome{Sick: true, Reason: "connect: the connection failed"}},
		{"EHLO", "550 no", destination.Outcome{Verdict: destination.Operator, Status: 550, Reason: "connect: 550"}},
		{"STARTTLS", "454 4.7.0 not now", destination.Outcome{Sick: true, Status: 454, Reason: "TLS: 454 4.7.0"}},
		{"STARTTLS", "hang up", destination.Outcome{Sick: true, Reason: "TLS: the connection failed"}},
		{"AUTH", "535 5.7.8 ana@us.example is unknown", destination.Outcome{Verdict: destination.Operator, Status: 535, Reason: "log in: 535 5.7.8"}},
		{"AUTH", "454 4.7.0 not now", destination.Outcome{Sick: true, Status: 454, Reason: "log in: 454 4.7.0"}},
		{"MAIL", "451 4.3.0 no", destination.Outcome{Sick: true, Status: 451, Reason: "sender: 451 4.3.0"}},
		{"MAIL", "553 5.7.1 baton@us.example: not yours", destination.Outcome{Verdict: destination.Operator, Status: 553, Reason: "sender: 553 5.7.1"}},
		{"MAIL", "421 4.7.0 too many", destination.Outcome{Verdict: destination.Later, Status: 421, Reason: "sender: 421 4.7.0"}},
		{"RCPT", "450 4.2.0 greylisted", destination.Outcome{Status: 450, Reason: "recipient: 450 4.2.0"}},
		{"RCPT", "550 5.1.1 <ana@us.example>: no such user", destination.Outcome{Verdict: destination.Never, Status: 550, Reason: "recipient: 550 5.1.1"}},
		{"RCPT", "hang up", destination.Outcome{Sick: true, Reason: "recipient: the connection failed"}},
		{"DATA", "452 4.3.1 full", destination.Outcome{Status: 452, Reason: "message: 452 4.3.1"}},
		{"message", "554 5.6.0 not this", destination.Outcome{Verdict: destination.Never, Status: 554, Reason: "message: 554 5.6.0"}},
		{"message", "451 4.3.0 no", destination.Outcome{Status: 451, Reason: "message: 451 4.3.0"}},
		{"message", "hang up", destination.Outcome{Sick: true, Reason: "message: the connection failed"}},
		{"EHLO", strings.Repeat("250-"+strings.Repeat("x", 1000)+"\n", 400) + "250 ok", destination.Outcome{Sick: true, Reason: "connect: the connection failed"}},
	} {
		s := newServer(t, func(s *mailServer) { s.auth, s.user, s.password = "PLAIN", "baton", "hush" })
		m := makeMailer(t, s, io.Discard, nil)
		s.answers(tc.command, tc.answer)
		o := m.Deliver(t.Context(), routed())
		if o.Verdict != tc.want.Verdict || o.Status != tc.want.Status || o.Sick != tc.want.Sick || o.Reason != tc.want.Reason {
			t.Errorf("%s %.40s: %+v, want %+v", tc.command, tc.answer, o, tc.want)
		}
		s.answers("", "")
		job := routed()
		if tc.want.Verdict != destination.Never {
			job.Told = o.Told
		}
		if o := m.Deliver(t.Context(), job); o.Verdict != destination.Done {
			t.Errorf("%s %.40s, then: %+v", tc.command, tc.answer, o)
		}
	}
}

// Credentials and mails go over verified TLS or not at all; but for this machine.
func TestTLS(t *testing.T) {
	s := newServer(t, func(s *mailServer) { s.auth, s.user, s.password = "PLAIN", "baton", "hush" })
	cfg := config(s, nil)
	deps := depsOf(s, io.Discard)
	deps.Notify.TLS = nil // the machine's authorities do not know this one
	d, err := New(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	if o := d.Deliver(t.Context(), routed()); o.Verdict != destination.Operator || !strings.Contains(o.Reason, "certificate") || len(s.received()) != 0 {
		t.Errorf("%+v", o)
	}
	for _, c := range s.clear {
		if c == "AUTH" || c == "MAIL" {
			t.Errorf("%s before TLS", c)
		}
	}
	// A server elsewhere that offers no TLS gets nothing.
	plain := newServer(t, func(s *mailServer) { s.noTLS, s.auth, s.user, s.password = true, "PLAIN", "baton", "hush" })
	for option, want := range map[string]string{"required": "TLS: it offers no STARTTLS", "optional": "log in: credentials are not sent without TLS"} {
		deps := depsOf(plain, io.Discard)
		dial := deps.Notify.Dial
		deps.Notify.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			return elsewhere{conn}, err
		}
		d, err := New(config(plain, func(c *destination.Config) { c.Options["tls"] = option }), deps)
		if err != nil {
			t.Fatal(err)
		}
		if o := d.Deliver(t.Context(), routed()); o.Verdict != destination.Operator || o.Reason != want {
			t.Errorf("%s: %+v", option, o)
		}
	}
	if strings.Contains(strings.Join(plain.clear, " "), "AUTH") || len(plain.received()) != 0 {
		t.Errorf("%v", plain.clear)
	}
}

// elsewhere is a connection to a machine that is not this one.
type elsewhere struct{ net.Conn }

func (elsewhere) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 587} }

func TestWhom(t *testing.T) {
	s := newServer(t, nil)
	var log bytes.Buffer
	m := makeMailer(t, s, &log, nil)
	job := destinationtest.OfHandoff("handoff.reassigned", "ho_1", "ana@initech.example", nil)
	job.Payload.Owner.Id, job.Payload.Owner.Name, job.Payload.PreviousOwner, job.Payload.Reason = "bo", "Bo", "ana", "sla"
	job.Standing = &destination.Standing{Stage: "routed", Rep: "bo", Assignment: 1, Current: 1}
	if o := m.Deliver(t.Context(), job); o.Verdict != destination.Done {
		t.Fatalf("%+v", o)
	}
	got := s.received()
	if len(got) != 2 || got[0].to[0] != "bo@us.example" || got[1].to[0] != "ana@us.example" {
		t.Fatalf("%+v", got)
	}
	if p := read(t, got[0].data); !strings.HasPrefix(p.subject(t), "Now yours: ") || !strings.Contains(p.text, ".bo.accept1") {
		t.Errorf("%s\n%s", p.subject(t), p.text)
	}
	if p := read(t, got[1].data); p.subject(t) != "ana Lind, VP Engineering at Initech went to Bo" || strings.Contains(p.text, "/r/") || !strings.Contains(p.text, "not answered in time") {
		t.Errorf("%s\n%s", p.subject(t), p.text)
	}
	// One of two is refused for now: the other is not told again.
	s.answers("RCPT", "451 4.2.0 not now")
	again := *job
	again.ID, again.Told = "msg_2", map[string]string{"bo": ""}
	o := m.Deliver(t.Context(), &again)
	if _, bo := o.Told["bo"]; o.Verdict != destination.Again || !bo || len(o.Told) != 1 {
		t.Fatalf("%+v", o)
	}
	s.answers("", "")
	again.Told = o.Told
	if o := m.Deliver(t.Context(), &again); o.Verdict != destination.Done || len(s.received()) != 3 {
		t.Errorf("%+v, %d", o, len(s.received()))
	}
	// Nobody's address is known: it is given up, and visible.
	job = routed()
	job.Payload.Owner.Id = "cy"
	if o := m.Deliver(t.Context(), job); o.Verdict != destination.Never || !strings.Contains(o.Reason, "no e-mail address") {
		t.Errorf("%+v", o)
	}
	breached := destinationtest.OfHandoff("sla.breached", "ho_1", "ana@initech.example", nil)
	if o := m.Deliver(t.Context(), breached); o.Verdict != destination.Done || s.received()[3].to[0] != "kim@us.example" {
		t.Errorf("%+v", o)
	}
}

// Whoever names no events is told of those that have an addressee, and not reproached with the others.
func TestDefaultsHaveAnAddressee(t *testing.T) {
	alone := Type().Defaults(map[string]string{"from": "baton@us.example"})
	if !slices.Contains(alone, "handoff.routed") || slices.Contains(alone, "desk.waiting") || slices.Contains(alone, "summary.weekly") {
		t.Errorf("by itself: %v", alone)
	}
	if one := Type().Defaults(map[string]string{"to_weekly": "all@us.example"}); len(one) != len(alone)+1 || !slices.Contains(one, "summary.weekly") {
		t.Errorf("with to_weekly: %v", one)
	}
	if all := Type().Defaults(map[string]string{"to": "ops@us.example"}); len(all) != len(notify.Events()) {
		t.Errorf("with to: %v", all)
	}
}

func TestCheckAndSample(t *testing.T) {
	s := newServer(t, func(s *mailServer) { s.auth, s.user, s.password = "PLAIN", "baton", "hush" })
	m := makeMailer(t, s, io.Discard, func(c *destination.Config) { c.Options["to_waiting"] = "ops@us.example" })
	problems, err := m.Check(t.Context())
	all := strings.Join(problems, "\n")
	if err != nil || !strings.Contains(all, "rep cy cannot be told") || !strings.Contains(all, "desk.cleared goes to nobody: set options.to_cleared") || strings.Contains(all, "to_waiting") || len(s.received()) != 0 {
		t.Errorf("%v\n%s", err, all)
	}
	s.answers("AUTH", "535 5.7.8 no")
	if problems, err := m.Check(t.Context()); err != nil || !strings.Contains(strings.Join(problems, "\n"), "the mail server: log in: 535 5.7.8") {
		t.Errorf("%v %v", err, problems)
	}
	s.answers("greeting", "hang up")
	if _, err := m.Check(t.Context()); err == nil {
		t.Error("a server that is not there is all right")
	}
	s.answers("", "")
	for to, want := range map[string]string{"ana": "ana@us.example", "ops@us.example": "ops@us.example", "": "ops@us.example"} {
		if o := m.Test(t.Context(), to); o.Verdict != destination.Done {
			t.Fatalf("%s: %+v", to, o)
		}
		got := s.received()
		last := got[len(got)-1]
		if p := read(t, last.data); last.to[0] != want || !strings.HasPrefix(p.subject(t), "Sample: ") || strings.Contains(p.text, "/r/") {
			t.Errorf("%q: %+v", to, last)
		}
	}
	for _, to := range []string{"eve@other.example", "nobody", "cy"} {
		if o := m.Test(t.Context(), to); o.Verdict != destination.Never || !strings.HasPrefix(o.Reason, "to: ") {
			t.Errorf("%s: %+v", to, o)
		}
	}
}
