package ingest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
)

func lastOf(t *testing.T, b *bench) *journal.Event {
	t.Helper()
	all := b.journal.Events()
	if len(all) == 0 {
		t.Fatal("nothing in the journal")
	}
	return all[len(all)-1]
}

// As Segment's Node SDK posts it.
const segmentBatch = `{"batch":[
	{"timestamp":"2026-11-20T10:00:00.000Z","integrations":{},"type":"identify","userId":"u-1","traits":{"email":"Peter@Initech.example","name":"Peter Gibbons","company":{"name":"Initech","employee_count":420,"website":"https://initech.example"},"title":"VP Eng","plan":"x"},"context":{"ip":"192.0.2.1","library":{"name":"analytics-node"}},"messageId":"m1","_metadata":{"nodeVersion":"20"}},
	{"timestamp":"2026-11-20T10:00:01.000Z","event":"Demo Requested","type":"track","properties":{"plan":"Enterprise","value":12000.5},"context":{"campaign":{"name":"q4","medium":"email"}},"userId":"u-1","messageId":"m2"},
	{"timestamp":"2026-11-20T10:00:02.000Z","type":"page","name":"Pricing","properties":{"url":"https://x.example/pricing"},"userId":"u-1","anonymousId":"an-1","messageId":"m3"},
	{"timestamp":"2026-11-20T10:00:03.000Z","type":"group","traits":{"name":"Initech","industry":"Technology","employees":420},"groupId":"initech","userId":"u-1","messageId":"m4"},
	{"timestamp":"2026-11-20T10:00:04.000Z","userId":"u-1","type":"alias","previousId":"an-0","messageId":"m5"}],
	"writeKey":"wk_test","sentAt":"2026-11-20T10:00:10.000Z"}`

func TestSegmentBatch(t *testing.T) {
	b := newBench(t)
	before := time.Now()
	if r := b.track(t, "batch", segmentBatch); r.status != 200 || r.body != `{"success":true}` {
		t.Fatalf("%d %s", r.status, r.body)
	}
	byID := map[string]*journal.Event{}
	for _, ev := range b.journal.Events() {
		byID[ev.Body.Id] = ev
	}
	key := b.journal.Key()
	email, user, anon := key.Lead(identity.Email, "", "peter@initech.example"), key.Lead(identity.UserID, "site", "u-1"), key.Lead(identity.Anonymous, "", "an-1")
	for id, want := range map[string]struct{ entity, eventType string }{
		"m1": {email, "identified"}, "m2": {user, "demo_requested"}, "m3": {user, "page_viewed"}, "m4": {user, "identified"},
	} {
		if ev := byID[id]; ev == nil || ev.Entity != want.entity || ev.Type != want.eventType || ev.Body.Source != "site" {
			t.Errorf("%s: %v", id, ev)
		}
	}
	identify := byID["m1"].Body
	if tr := identify.Traits; tr.GetFirstName() != "Peter" || tr.GetLastName() != "Gibbons" || tr.GetTitle() != "VP Eng" || tr.GetCompany() != "Initech" ||
		tr.Other.Fields["plan"].GetStringValue() != "x" || tr.Other.Fields["email"] != nil {
		t.Errorf("traits %v", tr)
	}
	if a := identify.Account; a.GetName() != "Initech" || a.GetEmployees() != 420 || a.GetDomain() != "initech.example" {
		t.Errorf("account %v", a)
	}
	// Ten seconds passed on the sender's clock between the first call and sending.
	if at := identify.OccurredAt.AsTime(); at.Before(before.Add(-11*time.Second)) || at.After(time.Now().Add(-9*time.Second)) {
		t.Errorf("occurred %v, received %v", at, identify.ReceivedAt.AsTime())
	}
	if identify.StatedAt.AsTime().Format(time.RFC3339) != "2026-11-20T10:00:00Z" {
		t.Errorf("stated %v", identify.StatedAt)
	}
	if ev := byID["m2"].Body; ev.Name != "Demo Requested" || ev.Touch.GetCampaign() != "q4" || ev.Touch.GetChannel() != "email" || ev.Properties.Fields["value"].GetNumberValue() != 12000.5 || ev.Properties.Fields["context"] == nil {
		t.Errorf("track %v", ev)
	}
	if ev := byID["m3"].Body; ev.GetPageViewed().GetTitle() != "Pricing" || ev.Touch.GetUrl() != "https://x.example/pricing" {
		t.Errorf("page %v", ev)
	}
	if a := byID["m4"].Body.Account; a.GetName() != "Initech" || a.GetIndustry() != "Technology" {
		t.Errorf("group %v", a)
	}
	links := map[string]string{}
	for _, ev := range b.journal.Events() {
		if l := ev.Body.GetLinked(); l != nil {
			links[ev.Entity+">"+l.To] = l.ByEvent
		}
	}
	if links[user+">"+email] != "m1" || links[anon+">"+user] != "m3" {
		t.Errorf("links %v", links)
	}
	if ev := byID["m5"]; ev == nil || ev.Type != "linked" {
		t.Errorf("alias %v", ev)
	}
	if again := b.track(t, "batch", segmentBatch); again.status != 200 {
		t.Error(again.body)
	}
	if n := len(b.journal.Events()); n != len(byID) {
		t.Errorf("%d events after a repeat, want %d", n, len(byID))
	}
}

// RudderStack's Node SDK: gzip, a form's content type, originalTimestamp, traits in the context.
func TestRudderStackBatch(t *testing.T) {
	b := newBench(t)
	body := `{"batch":[{"userId":"u-77","traits":{"email":"ana@initech.example","company":"Initech"},"context":{"traits":{"email":"ana@initech.example","company":"Initech","tier":"a"}},
		"type":"identify","channel":"server","originalTimestamp":"2026-11-21T19:03:58.173Z","messageId":"r1","sentAt":"2026-11-21T19:03:58.174Z"}],"timestamp":"2026-11-21T19:03:58.174Z","sentAt":"2026-11-21T19:03:58.174Z"}`
	r := b.request(t, http.MethodPost, "/v1/batch", zip(t, body), "Content-Type", "application/x-www-form-urlencoded", "Content-Encoding", "gzip")
	r.SetBasicAuth("wk_rudder", "")
	if got := b.do(t, r); got.status != 200 || got.body != `{"success":true}` {
		t.Fatalf("%d %s", got.status, got.body)
	}
	ev := b.journal.Events()[0].Body
	if ev.Source != "rudder" || ev.Identity.Email != "ana@initech.example" || ev.Traits.GetCompany() != "Initech" || ev.Account.GetName() != "Initech" ||
		ev.Traits.Other.Fields["tier"].GetStringValue() != "a" || ev.Touch.GetChannel() != "" || ev.Properties.Fields["channel"] != nil {
		t.Errorf("%v", ev)
	}
	if lag := ev.ReceivedAt.AsTime().Sub(ev.OccurredAt.AsTime()); lag != time.Millisecond {
		t.Errorf("occurred %v before its receipt", lag)
	}
}

func TestWaysToSayTheWriteKey(t *testing.T) {
	b := newBench(t)
	const call = `{"anonymousId":"a","event":"Clicked","messageId":%q%s}`
	for i, tc := range []struct {
		name, path, auth, key string
		want                  int
	}{
		{"Basic", "track", "Basic d2tfdGVzdDo=", "", 200},
		{"Basic, abbreviated path", "t", "Basic d2tfdGVzdDo=", "", 200},
		{"body", "track", "", `,"writeKey":"wk_test"`, 200},
		{"Bearer and body", "t", "Bearer token", `,"writeKey":"wk_test"`, 200},
		{"Basic counts before the body", "track", "Basic d2tfdGVzdDo=", `,"writeKey":"other"`, 200},
		{"another key", "track", "Basic bm9uZTo=", "", 401},
		{"another key in the body", "track", "", `,"writeKey":"none"`, 401},
		{"no key", "track", "", "", 401},
		{"empty key", "track", "", `,"writeKey":""`, 401},
		{"a number", "track", "", `,"writeKey":1`, 401},
		{"a baton source's name", "track", "Basic b3Blbjo=", "", 401},
		{"deeper", "track", "", `,"properties":{"writeKey":"wk_test"}`, 401},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := b.request(t, http.MethodPost, "/v1/"+tc.path, fmt.Sprintf(call, fmt.Sprint("k", i), tc.key))
			if tc.auth != "" {
				r.Header.Set("Authorization", tc.auth)
			}
			got := b.do(t, r)
			if got.status != tc.want {
				t.Fatalf("%d %s", got.status, got.body)
			}
			if tc.want == 401 {
				got.problem(t)
			}
		})
	}
	if n := len(b.journal.Events()); n != 5 {
		t.Errorf("%d events", n)
	}
}

func TestCalls(t *testing.T) {
	for _, tc := range []struct{ name, call, body, want string }{
		{"track of our type", "track", `{"userId":7,"event":"Asset Downloaded","messageId":"1","properties":{"asset":"guide"}}`,
			`"type": "asset_downloaded", "name": "Asset Downloaded", "identity": {"userId": "7"}, "properties": {"asset": "guide"}, "touch": {"asset": "guide"}, "assetDownloaded": {}`},
		{"track of none of ours", "track", `{"userId":"u","event":"Clicked Button","messageId":"1"}`,
			`"type": "custom", "name": "Clicked Button", "identity": {"userId": "u"}, "custom": {}`},
		{"track that is mapped", "track", `{"userId":"u","event":"Signed Up","messageId":"1","properties":{"plan":"pro"}}`,
			`"type": "trial_started", "name": "Signed Up", "identity": {"userId": "u"}, "properties": {"plan": "pro"}, "trialStarted": {"plan": "pro"}`},
		{"an answer of sales, by its name alone", "track", `{"userId":"u","event":"Accepted","messageId":"1"}`,
			`"type": "custom", "name": "Accepted", "identity": {"userId": "u"}, "custom": {}`},
		{"an answer of sales, mapped", "track", `{"userId":"u","event":"Lead Accepted","messageId":"1"}`,
			`"type": "accepted", "name": "Lead Accepted", "identity": {"userId": "u"}, "accepted": {}`},
		{"a deal", "track", `{"userId":"u","event":"Deal Won","messageId":"1","properties":{"deal_id":"d","revenue":99.5,"currency":"EUR"}}`,
			`"type": "deal_won", "name": "Deal Won", "identity": {"userId": "u"}, "properties": {"deal_id": "d", "revenue": 99.5, "currency": "EUR"}, "dealWon": {"dealId": "d", "amount": {"amount": "99.5", "currency": "EUR"}}`},
		{"a person's address in properties is not who it is about", "track", `{"userId":"u","event":"Invited","messageId":"1","properties":{"email":"bo@initech.example"}}`,
			`"type": "custom", "name": "Invited", "identity": {"userId": "u"}, "properties": {"email": "bo@initech.example"}, "custom": {}`},
		{"an address as user id", "identify", `{"userId":"Ana@Initech.example","messageId":"1","traits":{"email":"none"}}`,
			`"type": "identified", "identity": {"userId": "Ana@Initech.example", "email": "ana@initech.example"}, "identified": {}`},
		{"screen", "screen", `{"anonymousId":"a","name":"Home","category":"Main","messageId":"1"}`,
			`"type": "page_viewed", "identity": {"anonymousId": "a"}, "properties": {"name": "Home", "category": "Main"}, "pageViewed": {"title": "Home"}`},
		{"what is not Segment's is kept", "page", `{"anonymousId":"a","messageId":"1","tenant":{"id":7},"properties":["odd"],"context":{"page":{"url":"https://x.example/","referrer":"https://y.example/"}}}`,
			`"type": "page_viewed", "identity": {"anonymousId": "a"}, "pageViewed": {}, "touch": {"url": "https://x.example/", "referrer": "https://y.example/", "channel": "referral"},
			 "properties": {"tenant": {"id": 7}, "properties": ["odd"], "context": {"page": {"url": "https://x.example/", "referrer": "https://y.example/"}}}`},
		{"placeholders name nobody", "track", `{"userId":"undefined","anonymousId":"a","event":"X","messageId":"1"}`,
			`"type": "custom", "name": "X", "identity": {"anonymousId": "a"}, "custom": {}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := newBench(t)
			if r := b.track(t, tc.call, tc.body); r.status != 200 {
				t.Fatalf("%d %s", r.status, r.body)
			}
			ev := b.journal.Events()[0].Body
			ev.Entity, ev.ReceivedAt, ev.OccurredAt = "", nil, nil
			if strings.Contains(tc.name, "address as user id") {
				ev.Traits = nil // holds the address that was none
			}
			sameJSON(t, ev, `{"id": "1", "source": "site", `+tc.want+`}`)
		})
	}
}

func TestTrackingRefusals(t *testing.T) {
	for _, tc := range []struct{ call, body, field, reason string }{
		{"track", `{"anonymousId":"a"}`, "event", "required"},
		{"track", `{"event":"X"}`, "userId", "nobody"},
		{"track", `{"event":"X","userId":"null"}`, "userId", "nobody"},
		{"track", `{"event":"X","anonymousId":"a","timestamp":"soon"}`, "timestamp", "RFC 3339"},
		{"track", `{"event":"X","anonymousId":"a","messageId":"` + strings.Repeat("x", 300) + `"}`, "messageId", "256"},
		{"alias", `{"userId":"u"}`, "previousId", "required"},
		{"alias", `{"previousId":"a"}`, "userId", "required"},
		{"alias", `{"previousId":"u","userId":"u"}`, "previousId", "itself"},
		{"track", `{"event":"X","event":"Y","anonymousId":"a"}`, "event", "twice"},
		{"track", `[]`, "", "object"},
		{"track", `{"event":`, "event", "ends in the middle"},
		{"batch", `{"messages":[]}`, "batch", "required"},
		{"batch", `{"batch":{}}`, "batch", "required"},
		{"batch", `{"batch":[{]}`, "", "ends in the middle"},
		{"batch", `{"batch":[],"batch":[]}`, "batch", "twice"},
		{"batch", `{"batch":[]} x`, "", "behind the end"},
		{"batch", `[]`, "", "object"},
		{"batch", ``, "", "ends in the middle"},
	} {
		b := newBench(t)
		r := b.track(t, tc.call, tc.body)
		if r.status != http.StatusBadRequest {
			t.Errorf("%s %.80s: %d %s", tc.call, tc.body, r.status, r.body)
			continue
		}
		if _, errs := r.problem(t); len(errs) != 1 || errs[0].Field != tc.field || !strings.Contains(errs[0].Reason, tc.reason) {
			t.Errorf("%s %.80s: %+v, want %s: …%s…", tc.call, tc.body, errs, tc.field, tc.reason)
		}
		b.nothing(t)
	}
}

// The SDKs throw away whatever is answered with a 4xx: a batch with a bad event in it is a success that names it.
func TestABadEventInATrackingBatch(t *testing.T) {
	b := newBench(t)
	r := b.track(t, "batch", `{"batch":[{"type":"track","event":"A","anonymousId":"a","messageId":"1"},{"type":"trak","anonymousId":"a"},"x",
		{"type":"track","event":"B","anonymousId":"\ud83d","messageId":"2"},{"type":"page","anonymousId":"a","messageId":"3"}]}`)
	var answer struct {
		Success  bool
		Rejected []struct {
			Index  int
			Errors []struct{ Field, Reason string }
		}
	}
	decode(t, r.body, &answer)
	if r.status != 200 || !answer.Success || len(answer.Rejected) != 3 || answer.Rejected[0].Index != 1 || answer.Rejected[1].Index != 2 || answer.Rejected[2].Index != 3 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if n := len(b.journal.Events()); n != 2 {
		t.Errorf("%d events", n)
	}
}

// What a program did is kept, marked and told why.
func TestProgramsAreMarked(t *testing.T) {
	b := newBench(t)
	for agent, want := range map[string]string{
		"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)":             "its user agent is a program's: Mozilla/5.0 (compatible; Googlebot/2.1",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:128.0) Gecko/20100101 Firefox/128.0": "",
		"": "",
	} {
		body, err := json.Marshal(map[string]any{"anonymousId": "a", "name": "Pricing", "context": map[string]any{"userAgent": agent}})
		if err != nil {
			t.Fatal(err)
		}
		if r := b.track(t, "page", string(body)); r.status != 200 {
			t.Fatalf("%d %s", r.status, r.body)
		}
		ev := lastOf(t, b).Body
		if ev.Automated != (want != "") || !strings.HasPrefix(ev.AutomatedBecause, want) || want == "" && ev.AutomatedBecause != "" {
			t.Errorf("%s: %v %q", agent, ev.Automated, ev.AutomatedBecause)
		}
		if ev.Properties.Fields["context"].GetStructValue().Fields["userAgent"].GetStringValue() != agent {
			t.Error("what was sent is not kept")
		}
	}
}

// A device's clock that is years off, and one that says nothing of when it sent.
func TestClocksOfDevices(t *testing.T) {
	b := newBench(t)
	past := time.Now().AddDate(-15, 0, 0).UTC()
	call := func(id string, stated, sent time.Time) string {
		s := ""
		if !sent.IsZero() {
			s = `,"sentAt":"` + sent.Format(time.RFC3339Nano) + `"`
		}
		return fmt.Sprintf(`{"event":"X","anonymousId":"a","messageId":%q,"timestamp":%q%s}`, id, stated.Format(time.RFC3339Nano), s)
	}
	for _, tc := range []struct {
		id           string
		stated, sent time.Time
		ago          time.Duration
	}{
		{"slow", past, past.Add(time.Minute), time.Minute},
		{"fast", time.Now().AddDate(5, 0, 0), time.Now().AddDate(5, 0, 0).Add(time.Minute), time.Minute},
		{"fast, not said", time.Now().AddDate(5, 0, 0), time.Time{}, 0},
		{"never set", time.Unix(300, 0), time.Unix(360, 0), time.Minute},
		{"never set, not said", time.Unix(300, 0), time.Time{}, 0},
		{"sent in another age", time.Now().Add(-time.Hour), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), time.Hour},
		{"an hour fast", time.Now().Add(30 * time.Minute), time.Now().Add(time.Hour), 30 * time.Minute},
		{"an hour slow", time.Now().Add(-2 * time.Hour), time.Now().Add(-time.Hour), time.Hour},
		{"old, not said", time.Now().Add(-time.Hour), time.Time{}, time.Hour},
	} {
		if r := b.track(t, "track", call(tc.id, tc.stated.UTC(), tc.sent.UTC())); r.status != 200 {
			t.Fatalf("%s: %s", tc.id, r.body)
		}
		ev := lastOf(t, b).Body
		if off := ev.ReceivedAt.AsTime().Sub(ev.OccurredAt.AsTime()) - tc.ago; off < -2*time.Second || off > 2*time.Second {
			t.Errorf("%s: occurred %v before its receipt, want %v", tc.id, ev.ReceivedAt.AsTime().Sub(ev.OccurredAt.AsTime()), tc.ago)
		}
		// Both times are kept where they differ.
		if taken := ev.OccurredAt.AsTime().Equal(tc.stated); taken != (ev.StatedAt == nil) || !taken && !ev.StatedAt.AsTime().Equal(tc.stated) {
			t.Errorf("%s: occurred %v, stated %v, said %v", tc.id, ev.OccurredAt.AsTime(), ev.StatedAt.AsTime(), tc.stated.UTC())
		}
	}
}

// Without a messageId, the same call at the same time is the same; calls without a time are each their own.
func TestCallsWithoutAnID(t *testing.T) {
	b := newBench(t)
	timed := `{"event":"X","anonymousId":"a","timestamp":"2026-01-01T00:00:00Z"}`
	for range 2 {
		b.track(t, "track", timed)
		b.track(t, "track", `{"event":"X","anonymousId":"a"}`)
	}
	if n := len(b.journal.Events()); n != 3 {
		t.Errorf("%d events, want 1 and 2", n)
	}
}

func TestCORS(t *testing.T) {
	b := newBench(t)
	const page = "https://www.initech.example"
	preflight := b.do(t, b.request(t, http.MethodOptions, "/v1/t", "", "Origin", page, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type,anonymousid"))
	if preflight.status != http.StatusNoContent || preflight.header.Get("Access-Control-Allow-Origin") != page ||
		preflight.header.Get("Access-Control-Allow-Headers") != "authorization,content-type,anonymousid" || preflight.header.Get("Access-Control-Allow-Methods") != "POST" {
		t.Errorf("%d %v", preflight.status, preflight.header)
	}
	if r := b.do(t, b.request(t, http.MethodOptions, "/v1/t", "", "Origin", "https://evil.example")); r.status != http.StatusForbidden || r.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("%d %v", r.status, r.header)
	}
	for origin, want := range map[string]string{page: page, "https://evil.example": "", "": ""} {
		r := b.track(t, "t", `{"event":"X","anonymousId":"a"}`, "Origin", origin)
		if r.status != 200 || r.header.Get("Access-Control-Allow-Origin") != want {
			t.Errorf("%q: %d %v", origin, r.status, r.header)
		}
	}
	if r := b.track(t, "t", `{`, "Origin", page); r.status != 400 || r.header.Get("Access-Control-Allow-Origin") != page {
		t.Errorf("a page cannot read why it was refused: %d %v", r.status, r.header)
	}
	anyone := newBench(t, func(c *Config) { c.CORSOrigins = []string{"*"} })
	if r := anyone.track(t, "t", `{"event":"X","anonymousId":"a"}`, "Origin", "https://x.example"); r.header.Get("Access-Control-Allow-Origin") != "https://x.example" {
		t.Errorf("%v", r.header)
	}
}
