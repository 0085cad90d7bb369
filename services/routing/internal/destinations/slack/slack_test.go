package slack

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/links"
	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/calendar"
	"github.com/batonhq/baton/services/routing/internal/destination"
	"github.com/batonhq/baton/services/routing/internal/destination/destinationtest"
	"github.com/batonhq/baton/services/routing/internal/destinations/notify"
)

// channel is a webhook as Slack has it: it refuses what Block Kit does not allow, with Slack's own codes.
type channel struct {
	t     *testing.T
	mu    sync.Mutex
	posts []map[string]any
}

func (c *channel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var m map[string]any
	raw, err := io.ReadAll(r.Body)
	if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" || json.Unmarshal(raw, &m) != nil {
		http.Error(w, "invalid_payload", http.StatusBadRequest)
		return
	}
	text, _ := m["text"].(string)
	blocks, _ := m["blocks"].([]any)
	if text == "" || len(text) > 40000 || len(blocks) > 50 {
		http.Error(w, "invalid_blocks", http.StatusBadRequest)
		return
	}
	for _, b := range blocks {
		block, _ := b.(map[string]any)
		if inner, ok := block["text"].(map[string]any); ok && len([]rune(inner["text"].(string))) > 3000 || block["type"] == "section" && !ok {
			http.Error(w, "invalid_blocks", http.StatusBadRequest)
			return
		}
	}
	c.mu.Lock()
	c.posts = append(c.posts, m)
	c.mu.Unlock()
	_, _ = io.WriteString(w, "ok")
}

func (c *channel) last() (post map[string]any, raw string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	post = c.posts[len(c.posts)-1]
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(post); err != nil {
		c.t.Error(err)
	}
	return post, b.String()
}

func (c *channel) records() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return map[string]int{"posts": len(c.posts)}
}

func deps(d destination.Deps) destination.Deps {
	dir := &core.Directory{Teams: []core.Team{{ID: "emea", Manager: "kim"}}, Reps: []core.Rep{
		{ID: "ana", Name: "Ana", Team: "emea", Active: true, ExternalIDs: map[string]string{"slack": "U012AB3CD"}, Calendar: calendar.Calendar{Location: time.UTC, Always: true}},
		{ID: "kim", Name: "Kim", Active: true, ExternalIDs: map[string]string{"sales": "@kim", "slack": "U9"}, Calendar: calendar.Calendar{Location: time.UTC, Always: true}},
		{ID: "bo", Name: "Bo", Team: "emea", Active: true, ExternalIDs: map[string]string{"slack": "U1> <!channel"}, Calendar: calendar.Calendar{Location: time.UTC, Always: true}},
	}}
	dir.Index()
	d.Now, d.Log = destinationtest.Noon, slog.New(slog.DiscardHandler)
	d.Notify = destination.Notify{
		Directory: func(context.Context, time.Time) (*core.Directory, error) { return dir, nil }, PublicURL: "https://baton.us.example",
		Link: func(handoff, rep string, _ int, action links.Action, _ time.Time) string {
			return "https://baton.us.example/r/" + handoff + rep + action.String()
		},
	}
	return d
}

func config(url string, change func(*destination.Config)) destination.Config {
	cfg := destination.Config{Name: "sales", Type: Name, URL: url + "/services/T1/B1/secret", Options: map[string]string{}, Events: notify.Events()}
	for k, v := range Type().Options {
		cfg.Options[k] = v
	}
	if change != nil {
		change(&cfg)
	}
	return cfg
}

func start(t *testing.T, change func(*destination.Config)) (*channel, *destinationtest.Server, destination.Destination) {
	t.Helper()
	c := &channel{t: t}
	s := destinationtest.NewServer(t, c)
	d, err := New(config(s.URL, change), deps(destinationtest.Deps(s)))
	if err != nil {
		t.Fatal(err)
	}
	return c, s, d
}

func routed(handoff string) *destination.Job {
	job := destinationtest.Routed(handoff, "ana@initech.example")
	job.Standing = &destination.Standing{Stage: "routed", Rep: "ana"}
	return job
}

func TestConform(t *testing.T) {
	destinationtest.Conform(t, destinationtest.Case{
		Vendor: func(t *testing.T) (http.Handler, func() map[string]int) { c := &channel{t: t}; return c, c.records },
		New: func(t *testing.T, url string, given destination.Deps) destination.Destination {
			d, err := New(config(url, nil), deps(given))
			if err != nil {
				t.Fatal(err)
			}
			return d
		},
		AtLeastOnce: map[string]bool{"posts": true}, Secrets: []string{"/services/T1/B1/secret"},
		Without: map[string]string{
			"a delivery that comes again makes nothing twice": "a webhook takes no id: it is posted again",
			"answers out of measure":                          "a 2xx is success, whatever follows it",
		},
	})
}

func TestBlocks(t *testing.T) {
	c, _, d := start(t, nil)
	job := routed("ho_1")
	job.Payload.Lead.Title = "VP & <!channel> *Head* @here"
	if o := d.Deliver(t.Context(), job); o.Verdict != destination.Done {
		t.Fatalf("%+v", o)
	}
	post, raw := c.last()
	if text := post["text"].(string); !strings.HasPrefix(text, "<@U012AB3CD> ana Lind, VP &amp; &lt;!channel&gt; ∗Head∗ @\u200bhere at Initech") || !strings.HasSuffix(text, ": accept by 16:00 UTC") {
		t.Errorf("%q", text)
	}
	for _, want := range []string{
		`{"action_id":"link_0","style":"primary","text":{"text":"Accept","type":"plain_text"},"type":"button","url":"https://baton.us.example/r/ho_1anaaccept"}`,
		`"url":"https://baton.us.example/r/ho_1anareject"`, `"url":"https://baton.us.example/r/ho_1anaread"`, "Asked for a demo.", "ana@initech.example",
	} {
		if !strings.Contains(raw, want) {
			t.Errorf("no %s in\n%s", want, raw)
		}
	}
	// A manager is called by the name that this destination has for them, and has nothing to answer.
	breached := destinationtest.OfHandoff("sla.breached", "ho_1", "ana@initech.example", nil)
	if o := d.Deliver(t.Context(), breached); o.Verdict != destination.Done {
		t.Fatalf("%+v", o)
	}
	if post, raw := c.last(); !strings.HasPrefix(post["text"].(string), "@kim Overdue: ") || strings.Contains(raw, "/r/") {
		t.Errorf("%s", raw)
	}
	// An id that is none is not written.
	job = routed("ho_2")
	job.Payload.Owner.Id = "bo"
	if o := d.Deliver(t.Context(), job); o.Verdict != destination.Done {
		t.Fatalf("%+v", o)
	}
	if _, raw := c.last(); strings.Contains(raw, "<!channel") || strings.Contains(raw, "<@") {
		t.Errorf("%s", raw)
	}
}

func TestOtherForms(t *testing.T) {
	for format, want := range map[string][]string{
		"text":     {"<https://baton.us.example/r/ho_1anaaccept|Accept> · <", "*ana Lind, VP Engineering at Initech"},
		"markdown": {"[Accept](https://baton.us.example/r/ho_1anaaccept) · [", "**ana Lind, VP Engineering at Initech", `ana\_b`},
	} {
		c, _, d := start(t, func(cfg *destination.Config) { cfg.Options["format"], cfg.Options["channel"] = format, "#leads" })
		job := routed("ho_1")
		job.Payload.Brief.WhyNow = []string{"They asked for a demo.", "Known as ana_b."}
		if o := d.Deliver(t.Context(), job); o.Verdict != destination.Done {
			t.Fatalf("%+v", o)
		}
		post, _ := c.last()
		if _, blocks := post["blocks"]; blocks || post["channel"] != "#leads" {
			t.Errorf("%v", post)
		}
		for _, w := range want {
			if !strings.Contains(post["text"].(string), w) {
				t.Errorf("%s: no %q in\n%s", format, w, post["text"])
			}
		}
	}
}

// Fifty handoffs, each with long words, fit into one message.
func TestALongDigest(t *testing.T) {
	c, _, d := start(t, func(cfg *destination.Config) { cfg.Digest.At, cfg.Options["urgent"] = "12:00", "" })
	var jobs []*destination.Job
	for range destination.MaxGathered {
		job := routed("ho_1")
		job.DueAt = job.DueAt.Add(-time.Hour)
		job.Payload.Brief.WhyNow = []string{strings.Repeat("<&>", 800), "b", "c"}
		if o := d.Deliver(t.Context(), job); o.Group == "" {
			t.Fatalf("%+v", o)
		}
		jobs = append(jobs, job)
	}
	for _, o := range d.(destination.Digester).DeliverAll(t.Context(), "channel", jobs) {
		if o.Verdict != destination.Done {
			t.Fatalf("%+v", o)
		}
	}
	if post, raw := c.last(); len(c.posts) != 1 || !strings.Contains(post["text"].(string), "50 messages, 50 handoffs to accept") || strings.Count(raw, "|Accept>") != maxItems {
		t.Errorf("%d posts, %s", len(c.posts), post["text"])
	}
}

func TestAnswers(t *testing.T) {
	for _, tc := range []struct {
		fault destinationtest.Fault
		want  destination.Outcome
	}{
		{destinationtest.Fault{Status: 429, Header: map[string]string{"Retry-After": "30"}}, destination.Outcome{Verdict: destination.Later, Status: 429, After: 30 * time.Second, Reason: "status 429"}},
		{destinationtest.Fault{Status: 404, Body: "no_service"}, destination.Outcome{Verdict: destination.Operator, Status: 404, Reason: "status 404: no_service"}},
		{destinationtest.Fault{Status: 410, Body: "channel_is_archived"}, destination.Outcome{Verdict: destination.Operator, Status: 410, Reason: "status 410: channel_is_archived"}},
		{destinationtest.Fault{Status: 403, Body: "action_prohibited"}, destination.Outcome{Verdict: destination.Operator, Status: 403, Reason: "status 403: action_prohibited"}},
		{destinationtest.Fault{Status: 400, Body: "channel_not_found"}, destination.Outcome{Verdict: destination.Operator, Status: 400, Reason: "status 400: channel_not_found"}},
		{destinationtest.Fault{Status: 400, Body: `{"id":"web.incoming_webhook.invalid.app_error","message":"…"}`}, destination.Outcome{Verdict: destination.Operator, Status: 400, Reason: "status 400: web.incoming_webhook.invalid.app_error"}},
		{destinationtest.Fault{Status: 400, Body: "invalid_blocks"}, destination.Outcome{Verdict: destination.Never, Status: 400, Reason: "status 400: invalid_blocks"}},
		{destinationtest.Fault{Status: 500, Body: "rollup_error"}, destination.Outcome{Sick: true, Status: 500, Reason: "status 500: rollup_error"}},
		{destinationtest.Fault{Status: 200, Body: "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429"}, destination.Outcome{Verdict: destination.Later, Status: 200, Reason: "the webhook says that it failed"}},
		{destinationtest.Fault{Status: 400, Body: "ana@initech.example is unknown"}, destination.Outcome{Verdict: destination.Never, Status: 400, Reason: "status 400"}},
	} {
		_, s, d := start(t, nil)
		s.Faults(func(int, *destinationtest.Request) *destinationtest.Fault { return &tc.fault })
		o := d.Deliver(t.Context(), routed("ho_1"))
		if o.Verdict != tc.want.Verdict || o.Status != tc.want.Status || o.Sick != tc.want.Sick || o.After != tc.want.After || o.Reason != tc.want.Reason {
			t.Errorf("%d %s: %+v, want %+v", tc.fault.Status, tc.fault.Body, o, tc.want)
		}
	}
}

func TestConfiguration(t *testing.T) {
	for want, change := range map[string]func(*destination.Config){
		"url: ":             func(c *destination.Config) { c.URL = "" },
		"secrets: ":         func(c *destination.Config) { c.Secrets = []string{"https://hooks.example/x"} },
		"auth: ":            func(c *destination.Config) { c.Auth.Token = "x" },
		"options.format: ":  func(c *destination.Config) { c.Options["format"] = "html" },
		"options.mention: ": func(c *destination.Config) { c.Options["mention"] = "loudly" },
		"options.to: ":      func(c *destination.Config) { c.Options["to"] = "a b" },
	} {
		if _, err := New(config("https://hooks.example", change), destination.Deps{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	cfg := config("https://hooks.example", func(c *destination.Config) { c.URL, c.Secrets = "", []string{c.URL} })
	if d, err := New(cfg, destination.Deps{}); err != nil || d.(*poster).url != "https://hooks.example/services/T1/B1/secret" {
		t.Error(err)
	}
}
