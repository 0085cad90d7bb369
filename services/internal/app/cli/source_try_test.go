package cli

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/webhook"
)

const (
	trySecret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
	tryEvent  = `{"id": "e-1", "type": "form_submitted", "occurred_at": "2026-01-31T09:59:00Z", "lead": {"email": "ana@initech.example"}, "properties": {"form": "demo"}}`
)

var tryAt = time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC)

// tryFiles gives a configuration, and a raw request to a source with a body that is signed at tryAt.
func tryFiles(t *testing.T, path, body, secret string) (config, request string) {
	t.Helper()
	dir := t.TempDir()
	config, request = filepath.Join(dir, "baton.yaml"), filepath.Join(dir, "request.http")
	text := "http: {public_url: 'https://baton.example'}\nsources:\n  - {name: app, type: baton, secrets: ['" + trySecret + "']}\n" +
		"  - {name: crm, type: standard-webhooks, secrets: ['" + trySecret + "']}\n  - {name: site, type: segment, write_key: wk_1}\n  - {name: open, type: baton}\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := webhook.NewSigner([]string{secret})
	if err != nil {
		t.Fatal(err)
	}
	var raw strings.Builder
	fmt.Fprintf(&raw, "POST %s HTTP/1.1\r\nHost: baton.example\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", path, len(body))
	h := http.Header{}
	s.SetHeaders(h, "msg_1", tryAt, []byte(body))
	if err := h.Write(&raw); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(request, []byte(raw.String()+"\r\n"+body), 0o600); err != nil {
		t.Fatal(err)
	}
	return config, request
}

// What a saved request would become is told without anybody being asked, by its own signed time.
func TestSourceTest(t *testing.T) {
	list := "[" + tryEvent + `, {"id": "e-2", "type": "form_submited", "lead": {"email": "bo@initech.example"}}]`
	const other = "whsec_b3RoZXJvdGhlcm90aGVyb3RoZXJvdGhlcjEy"
	for _, c := range []struct {
		name, source, path, body, secret string
		args                             []string
		code                             int
		want, not                        []string
	}{
		{
			"one event", "app", "/webhooks/app", tryEvent, trySecret, nil, exitOK,
			[]string{"verified   yes", "Webhook-Timestamp", "2026-01-31T10:00:00Z", "form_submitted", "ana@initech.example", "properties.form", "2026-01-31T09:59:00Z", "answer     202"}, nil,
		},
		{"another's secret", "app", "/webhooks/app", tryEvent, other, nil, exitFail, []string{"verified   no: ", "answer     401"}, []string{"ana@"}},
		{"another's, all the same", "app", "/webhooks/app", tryEvent, other, []string{"--unsigned"}, exitFail, []string{"verified   no: ", "ana@initech.example"}, nil},
		{"too late", "app", "/webhooks/app", tryEvent, trySecret, []string{"--at", "2026-01-31T11:00:00Z"}, exitFail, []string{"verified   no: ", "2026-01-31T11:00:00Z (as told)"}, nil},
		{"a list with a bad one", "app", "/webhooks/app", list, trySecret, nil, exitFail, []string{"1 of 2  accepted", "2 of 2  rejected", "type: ", "form_submitted"}, nil},
		{"the same, quarantined", "crm", "/webhooks/crm", list, trySecret, nil, exitFail, []string{"2 of 2  quarantined", "type: ", `"quarantined":1`}, nil},
		{"a single bad one", "app", "/webhooks/app", `{"id": 1}`, trySecret, nil, exitFail, []string{"refused", "answer     400"}, nil},
		{"a body that is none", "crm", "/webhooks/crm", `{"id`, trySecret, nil, exitFail, []string{"quarantined"}, nil},
		{"an SDK's call", "site", "/v1/track", `{"userId": "u-1", "event": "Demo Requested", "messageId": "m", "writeKey": "wk_1", "timestamp": "2026-01-31T09:00:00Z"}`, other, nil, exitOK, []string{"verified   yes", "demo_requested", "u-1"}, nil},
		{"another's write key", "site", "/v1/track", `{"userId": "u-1", "event": "x", "writeKey": "wk_2"}`, other, nil, exitFail, []string{"verified   no: ", "write key"}, nil},
		{"a token where there is none", "app", "/webhooks/app/hush", tryEvent, trySecret, nil, exitFail, []string{"refused", "404"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			config, request := tryFiles(t, c.path, c.body, c.secret)
			code, out, errOut := run(t, "", nil, append([]string{"source", "test", c.source, request, "--config", config}, c.args...)...)
			if code != c.code || errOut != "" {
				t.Errorf("%d, want %d: %s", code, c.code, errOut)
			}
			for _, want := range c.want {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
			for _, not := range c.not {
				if strings.Contains(out, not) {
					t.Errorf("%q in\n%s", not, out)
				}
			}
		})
	}
}

// A body alone takes its headers and its address from flags; JSON is what programs read.
func TestSourceTestOfABody(t *testing.T) {
	config, _ := tryFiles(t, "/webhooks/app", tryEvent, trySecret)
	s, err := webhook.NewSigner([]string{trySecret})
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	s.SetHeaders(h, "msg_1", tryAt, []byte(tryEvent))
	args := []string{"source", "test", "app", "-", "--body", "--json", "--config", config}
	for name := range h {
		args = append(args, "-H", name+": "+h.Get(name))
	}
	code, out, errOut := run(t, tryEvent, nil, args...)
	var got struct {
		Verified bool
		At       time.Time
		Events   []struct {
			Outcome string
			Event   struct {
				Type     string
				Identity struct{ Email string }
			}
		}
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != exitOK || !got.Verified || !got.At.Equal(tryAt) || len(got.Events) != 1 ||
		got.Events[0].Outcome != "accepted" || got.Events[0].Event.Type != "form_submitted" || got.Events[0].Event.Identity.Email != "ana@initech.example" {
		t.Errorf("%d %v %s %s", code, err, out, errOut)
	}
	code, out, _ = run(t, `{"type": "track", "userId": "u-1", "event": "Demo Requested", "messageId": "m"}`, nil,
		"source", "test", "site", "-", "--body", "--url", "https://baton.example/v1/track", "--unsigned", "--config", config)
	if code != exitFail || !strings.Contains(out, "demo_requested") {
		t.Errorf("%d %s", code, out)
	}
}

func TestSourceTestCalledWrongly(t *testing.T) {
	config, request := tryFiles(t, "/webhooks/app", tryEvent, trySecret)
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"test"}, exitUsage, "test"},
		{[]string{"test", "app"}, exitUsage, "a source's name and a file"},
		{[]string{"test", "app", request, "--at", "soon"}, exitUsage, "--at"},
		{[]string{"test", "app", request, "-H", "no colon"}, exitUsage, "Name: value"},
		{[]string{"test", "app", "-", "--body", "--url", "here"}, exitUsage, "--url"},
		{[]string{"test", "nobody", request}, exitFail, "there are app, crm, site, open"},
		{[]string{"test", "site", request}, exitFail, "/v1/"},
		{[]string{"test", "app", config}, exitFail, "not an HTTP/1.1 request"},
		{[]string{"test", "app", filepath.Join(t.TempDir(), "none")}, exitFail, "no such file"},
	} {
		code, _, errOut := run(t, "", nil, append(append([]string{"source"}, c.args...), "--config", config)...)
		if code != c.code || !strings.Contains(errOut, c.want) {
			t.Errorf("%v: %d %s", c.args, code, errOut)
		}
	}
}

func TestSourceList(t *testing.T) {
	config, _ := tryFiles(t, "/webhooks/app", tryEvent, trySecret)
	code, out, errOut := run(t, "", nil, "source", "list", "--config", config)
	for _, want := range []string{"app (baton)", "https://baton.example/webhooks/crm", "its write key", "a signature by any of its secrets", "no secret is configured"} {
		if code != exitOK || !strings.Contains(out, want) {
			t.Errorf("%d: no %q in %s %s", code, want, out, errOut)
		}
	}
	if strings.Contains(out, trySecret) || strings.Contains(out, "wk_1") {
		t.Errorf("a secret shows: %s", out)
	}
	_, out, _ = run(t, "", nil, "source", "list", "--json", "--config", config)
	var list []struct{ Name, Type, URL, Proof string }
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) != 4 || list[0].URL != "https://baton.example/webhooks/app" {
		t.Errorf("%v %s", err, out)
	}
}
