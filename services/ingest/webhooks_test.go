package ingest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/identity"
)

func TestOneEventAnArrayAndNDJSON(t *testing.T) {
	b := newBench(t)
	event := func(n int) string {
		return fmt.Sprintf(`{"id": "e%d", "type": "page_viewed", "lead": {"anonymous_id": "a"}}`, n)
	}
	for _, tc := range []struct {
		name, body, contentType string
		want                    int
	}{
		{"object", event(1), "application/json", 1},
		{"object with any content type", event(2), "text/plain", 1},
		{"object behind a byte order mark", "\ufeff" + event(3), "", 1},
		{"array", " [" + event(4) + "," + event(5) + "]\n", "application/json", 2},
		{"empty array", "[]", "application/json", 0},
		{"NDJSON", event(6) + "\n\n" + event(7) + "\r\n", "application/x-ndjson", 2},
		{"NDJSON with a parameter", event(8) + "\n" + event(9), "application/x-ndjson; charset=utf-8", 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := len(b.journal.Events())
			r := b.post(t, tc.body, "Content-Type", tc.contentType)
			accepted, duplicates, rejected, _, sequence := r.result(t)
			if accepted != tc.want || duplicates != 0 || rejected != 0 {
				t.Errorf("%s", r.body)
			}
			if tc.want > 0 && sequence != fmt.Sprint(before+tc.want) || tc.want == 0 && sequence != "0" {
				t.Errorf("sequence %s", sequence)
			}
		})
	}
	if n := len(b.journal.Events()); n != 9 {
		t.Errorf("%d events", n)
	}
	if got := b.counter(t, "baton_ingest_events_total", "source", "open", "outcome", "accepted"); got != 9 {
		t.Errorf("counted %v", got)
	}
}

func TestSignatures(t *testing.T) {
	b := newBench(t)
	for _, tc := range []struct {
		name   string
		secret string
		at     time.Time
		change func(*http.Request)
		want   int
	}{
		{"signed", secret, time.Now(), nil, 202},
		{"signed with the old secret", oldSecret, time.Now(), nil, 202},
		{"wrong secret", "whsec_d3Jvbmd3cm9uZ3dyb25n", time.Now(), nil, 401},
		{"stale", secret, time.Now().Add(-6 * time.Minute), nil, 401},
		{"from the future", secret, time.Now().Add(6 * time.Minute), nil, 401},
		{"not signed", secret, time.Now(), func(r *http.Request) { r.Header.Del("webhook-signature") }, 401},
		{"no id", secret, time.Now(), func(r *http.Request) { r.Header.Del("webhook-id") }, 401},
		{"another id", secret, time.Now(), func(r *http.Request) { r.Header.Set("webhook-id", "x") }, 401},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := b.request(t, http.MethodPost, "/webhooks/app", goodEvent)
			sign(t, r, "msg_1", goodEvent, tc.at, tc.secret)
			if tc.change != nil {
				tc.change(r)
			}
			got := b.do(t, r)
			if got.status != tc.want {
				t.Fatalf("%d %s", got.status, got.body)
			}
			if tc.want == 401 {
				if detail, _ := got.problem(t); !strings.Contains(detail, "webhook") {
					t.Errorf("detail %q", detail)
				}
			}
		})
	}
}

// A body is not looked at before its signature: what is wrong with it does not show.
func TestNothingIsParsedBeforeItIsVerified(t *testing.T) {
	b := newBench(t)
	for _, source := range []string{"app", "crm"} {
		for _, body := range []string{`{`, `{"a":1,"a":2}`, strings.Repeat("[", 1_000_000), "\xff", ""} {
			r := b.do(t, b.request(t, http.MethodPost, "/webhooks/"+source, body))
			if r.status != http.StatusUnauthorized {
				t.Errorf("%s: %d %s", source, r.status, r.body)
			}
		}
	}
	b.nothing(t)
}

func TestWithoutASecretFromThisMachineAlone(t *testing.T) {
	b := newBench(t)
	if r := b.post(t, goodEvent); r.status != http.StatusAccepted {
		t.Errorf("%d %s", r.status, r.body)
	}
	for _, header := range []string{"X-Forwarded-For", "Forwarded", "X-Real-Ip", "Via", "Origin"} {
		r := b.post(t, goodEvent, header, "192.0.2.7")
		if detail, _ := r.problem(t); r.status != http.StatusForbidden || !strings.Contains(detail, "no secret") {
			t.Errorf("%s: %d %s", header, r.status, r.body)
		}
	}
	handler := b.service.Handler()
	for addr, want := range map[string]int{"127.0.0.1:1": 202, "[::1]:1": 202, "[::ffff:127.0.0.1]:1": 202, "192.0.2.7:1": 403, "[2001:db8::1]:1": 403, "": 403, "pipe": 403} {
		w := newRecorder()
		r := b.request(t, http.MethodPost, "/webhooks/open", goodEvent)
		r.RemoteAddr = addr
		handler.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%q: %d, want %d", addr, w.Code, want)
		}
	}
}

func TestRepeatsAreRecognised(t *testing.T) {
	b := newBench(t)
	first := b.post(t, goodEvent)
	second := b.post(t, "["+goodEvent+","+goodEvent+"]")
	if accepted, duplicates, _, _, sequence := second.result(t); accepted != 0 || duplicates != 2 || sequence != "1" {
		t.Errorf("%s then %s", first.body, second.body)
	}
	third := b.post(t, strings.ReplaceAll("["+goodEvent+","+goodEvent+"]", "evt-1", "evt-2"))
	if accepted, duplicates, _, _, sequence := third.result(t); accepted != 1 || duplicates != 1 || sequence != "2" {
		t.Errorf("%s", third.body)
	}
	if n := len(b.journal.Events()); n != 2 {
		t.Errorf("%d events", n)
	}
}

func TestOfABatchOnlyTheBadEventIsRefused(t *testing.T) {
	b := newBench(t)
	good := func(n int) string {
		return fmt.Sprintf(`{"id": "g%d", "type": "page_viewed", "lead": {"anonymous_id": "a"}}`, n)
	}
	bad := []struct{ event, field, reason string }{
		{`{"id": "b", "type": "page_view", "lead": {"anonymous_id": "a"}}`, "type", "nearest"},
		{`{"id": "b", "id": "c", "type": "page_viewed", "lead": {"anonymous_id": "a"}}`, "id", "twice"},
		{`{"id": "b", "type": "page_viewed", "lead": {"anonymous_id": "\ud800"}}`, "lead.anonymous_id", "surrogate"},
		{`{"id": "b", "type": "page_viewed", "lead": {"anonymous_id": "a\u0000"}}`, "lead.anonymous_id", "NUL"},
		{"{\"id\": \"b\", \"type\": \"page_viewed\", \"lead\": {\"anonymous_id\": \"\xff\"}}", "lead.anonymous_id", "UTF-8"},
		{`{"id": "b", "type": "page_viewed", "lead": {"anonymous_id": "a"}, "properties": {"n": 1e400}}`, "properties.n", "out of range"},
		{`{"id": "b", "type": "page_viewed", "lead": {"anonymous_id": "a"}, "properties": {"n": nope}}`, "properties.n", "not a JSON value"},
		{`{"id": "b", "type": "page_viewed", "lead": {"anonymous_id": "a"}, "properties": ` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, "properties" + strings.Repeat("[0]", 31), "levels"},
		{`{"id": "b", "type": "page_viewed", "lead": {"anonymous_id": "a"}, "properties": {"n": ` + strings.Repeat("7", 100) + `}}`, "properties.n", "characters"},
		{`{"id": "b", "type": "page_viewed", "lead": {"anonymous_id": "` + strings.Repeat("x", 600<<10) + `"}}`, "", "bytes"},
		{`"an event"`, "", "object"}, {`17`, "", "object"}, {`null`, "", "object"},
	}
	var events, lines []string
	for i, e := range bad {
		events = append(events, good(2*i), e.event)
		lines = append(lines, good(2*i+1), e.event)
	}
	for name, r := range map[string]reply{
		"array":  b.post(t, "["+strings.Join(events, ",")+"]"),
		"NDJSON": b.post(t, strings.Join(lines, "\n"), "Content-Type", "application/x-ndjson"),
	} {
		var answer struct {
			Accepted int
			Rejected []struct {
				Index  int
				Errors []struct{ Field, Reason string }
			}
		}
		decode(t, r.body, &answer)
		if r.status != 202 || answer.Accepted != len(bad) || len(answer.Rejected) != len(bad) {
			t.Fatalf("%s: %d, %d accepted, %d rejected", name, r.status, answer.Accepted, len(answer.Rejected))
		}
		for i, got := range answer.Rejected {
			if got.Index != 2*i+1 || len(got.Errors) != 1 && bad[i].reason != "object" || got.Errors[0].Field != bad[i].field || !strings.Contains(got.Errors[0].Reason, bad[i].reason) {
				t.Errorf("%s: %d: %+v, want %s: …%s…", name, i, got, bad[i].field, bad[i].reason)
			}
		}
	}
	if n := len(b.journal.Events()); n != 2*len(bad) {
		t.Errorf("%d events in the journal", n)
	}
}

// A body that cannot be told apart into events has no effect at all, whatever stands at its start.
func TestABrokenBodyHasNoHalfEffect(t *testing.T) {
	b := newBench(t)
	many := strings.Repeat(goodEvent+",", 2000)
	for _, body := range []string{"[" + many, "[" + many + "]", "[" + goodEvent + "] " + goodEvent, "[" + goodEvent + " " + goodEvent + "]", goodEvent + goodEvent, "[" + goodEvent + `, {"id": "`} {
		if r := b.post(t, body); r.status != http.StatusBadRequest {
			t.Errorf("%.60s…: %d %.200s", body, r.status, r.body)
		} else {
			r.problem(t)
		}
	}
	b.nothing(t)
}

func TestStandardWebhooks(t *testing.T) {
	b := newBench(t)
	for _, tc := range []struct {
		name, id, body string
		ids            []string
		eventType      string
	}{
		{"our form", "m1", goodEvent, []string{"m1"}, "demo_requested"},
		{"an envelope", "m2", `{"type": "lead.demo_requested", "timestamp": "2026-01-02T03:04:05Z", "data": {"lead": {"email": "a@b.example"}}, "tenant": 7}`, []string{"m2"}, "demo_requested"},
		{"an envelope, mapped", "m3", `{"type": "contact.downloaded", "timestamp": "2026-01-02T03:04:05Z", "data": {"lead": {"email": "a@b.example"}}}`, []string{"m3"}, "asset_downloaded"},
		{"an envelope around a typed event", "m4", `{"type": "x.y", "timestamp": "2026-01-02T03:04:05Z", "data": ` + goodEvent + `}`, []string{"m4"}, "demo_requested"},
		{"an array", "m5", "[" + goodEvent + "," + goodEvent + "]", []string{"m5#0", "m5#1"}, "demo_requested"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := len(b.journal.Events())
			if accepted, _, _, quarantined, _ := b.signed(t, "crm", tc.id, tc.body).result(t); accepted != len(tc.ids) || quarantined != 0 {
				t.Fatalf("%d accepted", accepted)
			}
			for i, ev := range b.journal.Events()[before:] {
				if ev.Body.Id != tc.ids[i] || ev.Type != tc.eventType || ev.Body.Source != "crm" {
					t.Errorf("%v", ev.Body)
				}
			}
			// The next attempt, with a new timestamp and signature, is recognised.
			if _, duplicates, _, _, _ := b.signed(t, "crm", tc.id, tc.body).result(t); duplicates != len(tc.ids) {
				t.Errorf("%d duplicates", duplicates)
			}
		})
	}
	for _, ev := range b.journal.Events() {
		if ev.Body.Id == "m2" && (ev.Body.OccurredAt.AsTime().Format(time.RFC3339) != "2026-01-02T03:04:05Z" || ev.Body.Properties.Fields["tenant"].GetNumberValue() != 7) {
			t.Errorf("%v", ev.Body)
		}
		if ev.Body.Id == "m1" && ev.Body.Properties.Fields["id"].GetStringValue() != "evt-1" {
			t.Errorf("the event's own id is lost: %v", ev.Body)
		}
	}
}

func TestDispositionsGoToTheirHandoffsLead(t *testing.T) {
	b := newBench(t)
	lead := b.journal.Key().Lead(identity.UserID, "", "u-1")
	body := fmt.Sprintf(`{"id": "d1", "type": "rejected", "properties": {"handoff_id": %q, "reason": "bad-data"}}`, identity.Handoff(lead, 1))
	if accepted, _, _, _, _ := b.post(t, body).result(t); accepted != 1 {
		t.Fatal("refused")
	}
	if ev := b.journal.Events()[0]; ev.Entity != lead || ev.Body.GetRejected().GetReason() != "bad-data" {
		t.Errorf("%v", ev.Body)
	}
}
