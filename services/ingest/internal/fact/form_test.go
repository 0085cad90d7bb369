package fact

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/batonhq/baton/pkg/identity"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/ingest/internal/core"
	"github.com/batonhq/baton/services/ingest/internal/strictjson"
)

var received = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func read(t testing.TB, f Form, body string) (Fact, Errors) {
	t.Helper()
	f.Source, f.Received = "app", At(received)
	d := strictjson.NewDoc()
	v, err := d.Parse([]byte(body), 0, len(body), strictjson.Limits{Depth: 32, Keys: 10_000, Values: 20_000, Digits: 64})
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return f.Read(v)
}

func mustRead(t testing.TB, body string) Fact {
	t.Helper()
	got, errs := read(t, Form{}, body)
	if errs != nil {
		t.Fatalf("%s: %v", body, errs)
	}
	return got
}

func same(t *testing.T, got *journalv1.Event, want string) {
	t.Helper()
	w := &journalv1.Event{}
	if err := protojson.Unmarshal([]byte(want), w); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(got, w) {
		a, _ := protojson.Marshal(got)
		b, _ := protojson.Marshal(w)
		t.Errorf("event\n%s\nwant\n%s", a, b)
	}
}

func TestFormInFull(t *testing.T) {
	got := mustRead(t, `{"id": "evt-1", "type": "asset_downloaded", "occurred_at": "2026-11-20T10:00:00.25Z",
		"lead": {"email": " Ana@Initech.example", "anonymous_id": "an-7", "user_id": 42, "external_ids": {"HubSpot": "123", "crm": 77}},
		"traits": {"first_name": "Ana", "last_name": "Lind", "title": "VP Engineering", "country": "SE", "phone": 4670, "shoe": {"size": 38}, "gone": null, "company": ""},
		"account": {"name": "Initech", "domain": "https://www.Initech.example/about", "employees": 420, "industry": "software", "tier": 1},
		"properties": {"asset": "pricing-guide", "channel": "email", "campaign": "q4-launch", "url": "https://x.example/?a=1", "deep": [1, {"b": null}], "big": 12345678901234567890}}`)
	same(t, got.Event, `{"id": "evt-1", "source": "app", "type": "asset_downloaded", "occurredAt": "2026-11-20T10:00:00.25Z", "receivedAt": "2026-11-20T12:00:00Z",
		"identity": {"email": "ana@initech.example", "anonymousId": "an-7", "userId": "42", "externalIds": {"hubspot": "123", "crm": "77"}},
		"traits": {"firstName": "Ana", "lastName": "Lind", "title": "VP Engineering", "country": "SE", "phone": "4670", "other": {"shoe": {"size": 38}}},
		"account": {"name": "Initech", "domain": "initech.example", "employees": 420, "industry": "software", "other": {"tier": 1}},
		"properties": {"asset": "pricing-guide", "channel": "email", "campaign": "q4-launch", "url": "https://x.example/?a=1", "deep": [1, {"b": null}], "big": "12345678901234567890"},
		"touch": {"channel": "email", "campaign": "q4-launch", "asset": "pricing-guide", "url": "https://x.example/?a=1"},
		"assetDownloaded": {}}`)
}

// What is not said is absent, not empty.
func TestFormAtItsLeast(t *testing.T) {
	for _, body := range []string{
		`{"id": "1", "type": "demo_requested", "lead": {"anonymous_id": "a"}}`,
		`{"id": "1", "type": "demo_requested", "lead": {"anonymous_id": "a", "email": "", "user_id": null, "external_ids": {"crm": ""}},
		  "name": null, "occurred_at": null, "traits": {}, "account": {"name": null}, "properties": null, "automated": false}`,
	} {
		same(t, mustRead(t, body).Event, `{"id": "1", "source": "app", "type": "demo_requested", "occurredAt": "2026-11-20T12:00:00Z",
			"receivedAt": "2026-11-20T12:00:00Z", "identity": {"anonymousId": "a"}, "demoRequested": {}}`)
	}
}

func TestEveryTypeHasItsPayload(t *testing.T) {
	for _, name := range core.Types() {
		got := mustRead(t, fmt.Sprintf(`{"id": "1", "type": %q, "name": "n", "lead": {"email": "a@b.example"},
			"properties": {"reason": "r", "purposes": {"email": "granted"}}}`, name))
		field := got.Event.ProtoReflect().WhichOneof(got.Event.ProtoReflect().Descriptor().Oneofs().ByName("payload"))
		if field == nil || string(field.Name()) != name {
			t.Errorf("%s: payload %v", name, field)
		}
	}
}

func TestPayloads(t *testing.T) {
	for _, tc := range []struct{ eventType, properties, want string }{
		{"page_viewed", `{"title": "Pricing"}`, `"pageViewed": {"title": "Pricing"}`},
		{"email_clicked", `{"email_id": 9}`, `"emailClicked": {"emailId": "9"}`},
		{"email_opened", `{"email_id": {"not": "text"}}`, `"emailOpened": {}`},
		{"meeting_booked", `{"starts_at": "2026-12-01T09:00:00Z"}`, `"meetingBooked": {"startsAt": "2026-12-01T09:00:00Z"}`},
		{"meeting_booked", `{"starts_at": "soon"}`, `"meetingBooked": {}`},
		{"consent_changed", `{"purposes": {"Email": "Granted", "profiling": "objected", "sms": false, "x": null}}`,
			`"consentChanged": {"purposes": {"email": "granted", "profiling": "objected", "sms": "denied"}}`},
		{"consent_changed", `{"purpose": "email", "decision": "withdrawn"}`, `"consentChanged": {"purposes": {"email": "withdrawn"}}`},
		{"consent_changed", `{"email": true, "profiling": "objected", "form": "newsletter", "page": 3}`,
			`"consentChanged": {"purposes": {"email": "granted", "profiling": "objected"}}`},
		{"deal_won", `{"deal_id": 77, "amount": "12000.50", "currency": "eur", "stage": "closed"}`,
			`"dealWon": {"dealId": "77", "amount": {"amount": "12000.50", "currency": "EUR"}, "stage": "closed"}`},
		{"deal_won", `{"deal_id": "d", "amount": 12000.10}`, `"dealWon": {"dealId": "d", "amount": {"amount": "12000.10"}}`},
		{"deal_opened", `{"deal_id": "d", "amount": {"amount": 1.5e3, "currency": "USD"}}`, `"dealOpened": {"dealId": "d", "amount": {"amount": "1500", "currency": "USD"}}`},
		{"deal_opened", `{"deal_id": "d", "owner": " hubspot:7 "}`, `"dealOpened": {"dealId": "d", "owner": "hubspot:7"}`},
		{"deal_lost", `{"deal_id": "d", "reason": "price", "amount": null, "currency": ""}`, `"dealLost": {"dealId": "d", "reason": "price"}`},
		{"rejected", `{"reason": "bad-data", "note": " why ", "rep": "ana"}`, `"rejected": {"reason": "bad-data", "note": " why ", "rep": "ana"}`},
	} {
		got := mustRead(t, fmt.Sprintf(`{"id": "1", "type": %q, "lead": {"email": "a@b.example"}, "properties": %s}`, tc.eventType, tc.properties))
		touch := ""
		same(t, got.Event, fmt.Sprintf(`{"id": "1", "source": "app", "type": %q, "occurredAt": "2026-11-20T12:00:00Z", "receivedAt": "2026-11-20T12:00:00Z",
			"identity": {"email": "a@b.example"}, "properties": %s, %s%s}`, tc.eventType, tc.properties, tc.want, touch))
	}
}

func TestTouchFromCampaignParameters(t *testing.T) {
	got := mustRead(t, `{"id": "1", "type": "page_viewed", "lead": {"anonymous_id": "a"}, "properties":
		{"url": "https://x.example/p?utm_source=n&utm_medium=email&utm_campaign=Q4%20launch%ff#utm_campaign=no", "channel": "web"}}`)
	if c := got.Event.Touch; c.Channel != "web" || c.Campaign != "Q4 launch\ufffd" {
		t.Errorf("touch %v", c)
	}
}

func TestHandoffIsAnAddress(t *testing.T) {
	lead := identity.Key("0123456789abcdef0123456789abcdef").Lead(identity.Email, "", "a@b.example")
	handoff := identity.Handoff(lead, 2)
	for _, eventType := range []string{"accepted", "deal_won"} {
		got := mustRead(t, fmt.Sprintf(`{"id": "1", "type": %q, "properties": {"handoff_id": %q}}`, eventType, handoff))
		if got.Lead != lead || got.Event.Identity != nil {
			t.Errorf("%s: lead %q, identity %v", eventType, got.Lead, got.Event.Identity)
		}
	}
	if got := mustRead(t, fmt.Sprintf(`{"id": "1", "type": "accepted", "properties": {"handoff_id": %q}}`, handoff)); got.Event.GetAccepted().HandoffId != handoff {
		t.Errorf("payload %v", got.Event.GetAccepted())
	}
	// An engagement is about its lead alone.
	if _, errs := read(t, Form{}, fmt.Sprintf(`{"id": "1", "type": "page_viewed", "properties": {"handoff_id": %q}}`, handoff)); errs == nil {
		t.Error("an engagement without a lead is accepted")
	}
}

func TestFormRefusals(t *testing.T) {
	long := strings.Repeat("é", 257)
	for _, tc := range []struct{ body, field, reason string }{
		{`{"type": "demo_requested", "lead": {"email": "a@b.example"}}`, "id", "required"},
		{`{"id": "", "type": "demo_requested", "lead": {"email": "a@b.example"}}`, "id", "required"},
		{`{"id": 7, "type": "demo_requested", "lead": {"email": "a@b.example"}}`, "id", "string"},
		{`{"id": "` + long + `", "type": "demo_requested", "lead": {"email": "a@b.example"}}`, "id", "256"},
		{`{"id": "1", "lead": {"email": "a@b.example"}}`, "type", "required"},
		{`{"id": "1", "type": "page_view", "lead": {"email": "a@b.example"}}`, "type", `"page_view" is not a known type; the nearest is "page_viewed"`},
		{`{"id": "1", "type": "qualified", "lead": {"email": "a@b.example"}}`, "type", "not a known type"},
		{`{"id": "1", "type": ["x"], "lead": {"email": "a@b.example"}}`, "type", "string"},
		{`{"id": "1", "type": "custom", "lead": {"email": "a@b.example"}}`, "name", "required"},
		{`{"id": "1", "type": "custom", "name": "` + long + `", "lead": {"email": "a@b.example"}}`, "name", "256"},
		{`{"id": "1", "type": "demo_requested", "occured_at": "x", "lead": {"email": "a@b.example"}}`, "occured_at", "not a known field"},
		{`{"id": "1", "type": "demo_requested", "lead": {"mail": "a@b.example"}}`, "lead.mail", "not a known field"},
		{`{"id": "1", "type": "demo_requested", "occurred_at": "yesterday", "lead": {"email": "a@b.example"}}`, "occurred_at", "RFC 3339"},
		{`{"id": "1", "type": "demo_requested", "occurred_at": 1795287836, "lead": {"email": "a@b.example"}}`, "occurred_at", "string"},
		{`{"id": "1", "type": "demo_requested", "occurred_at": "2026-11-21T12:00:01Z", "lead": {"email": "a@b.example"}}`, "occurred_at", "future"},
		{`{"id": "1", "type": "demo_requested", "occurred_at": "9999-12-31T23:59:59Z", "lead": {"email": "a@b.example"}}`, "occurred_at", "future"},
		{`{"id": "1", "type": "demo_requested", "occurred_at": "1999-12-31T23:59:59Z", "lead": {"email": "a@b.example"}}`, "occurred_at", "year 2000"},
		{`{"id": "1", "type": "demo_requested"}`, "lead", "nobody"},
		{`{"id": "1", "type": "deal_won", "properties": {"deal_id": "d"}}`, "lead", "nobody"},
		{`{"id": "1", "type": "demo_requested", "lead": {"email": "", "user_id": ""}}`, "lead", "nobody"},
		{`{"id": "1", "type": "demo_requested", "lead": "a@b.example"}`, "lead", "object"},
		{`{"id": "1", "type": "demo_requested", "lead": {"email": "not an address"}}`, "lead.email", "not an e-mail"},
		{`{"id": "1", "type": "demo_requested", "lead": {"user_id": "undefined"}}`, "lead.user_id", "leave it out"},
		{`{"id": "1", "type": "demo_requested", "lead": {"anonymous_id": true}}`, "lead.anonymous_id", "string"},
		{`{"id": "1", "type": "demo_requested", "lead": {"user_id": "` + long + `"}}`, "lead.user_id", "256"},
		{`{"id": "1", "type": "demo_requested", "lead": {"external_ids": ["x"]}}`, "lead.external_ids", "object"},
		{`{"id": "1", "type": "demo_requested", "lead": {"external_ids": {"": "x"}}}`, "lead.external_ids.", "no name"},
		{`{"id": "1", "type": "demo_requested", "lead": {"external_ids": {"crm": "x", "CRM": "y"}}}`, "lead.external_ids.CRM", "twice"},
		{`{"id": "1", "type": "demo_requested", "lead": {"email": "a@b.example"}, "traits": {"title": ["x"]}}`, "traits.title", "string"},
		{`{"id": "1", "type": "demo_requested", "lead": {"email": "a@b.example"}, "traits": []}`, "traits", "object"},
		{`{"id": "1", "type": "demo_requested", "lead": {"email": "a@b.example"}, "account": {"employees": "many"}}`, "account.employees", "head count"},
		{`{"id": "1", "type": "demo_requested", "lead": {"email": "a@b.example"}, "account": {"employees": -1}}`, "account.employees", "head count"},
		{`{"id": "1", "type": "demo_requested", "lead": {"email": "a@b.example"}, "account": {"employees": 1e12}}`, "account.employees", "head count"},
		{`{"id": "1", "type": "demo_requested", "lead": {"email": "a@b.example"}, "account": {"domain": "a b"}}`, "account.domain", "domain"},
		{`{"id": "1", "type": "demo_requested", "lead": {"email": "a@b.example"}, "properties": "x"}`, "properties", "object"},
		{`{"id": "1", "type": "demo_requested", "lead": {"email": "a@b.example"}, "automated": "yes"}`, "automated", "true or false"},
		{`{"id": "1", "type": "rejected", "lead": {"email": "a@b.example"}}`, "properties.reason", "required"},
		{`{"id": "1", "type": "accepted", "properties": {"handoff_id": "ho_1"}}`, "properties.handoff_id", "ho_"},
		{`{"id": "1", "type": "deal_won", "lead": {"email": "a@b.example"}, "properties": {"amount": "12,000"}}`, "properties.amount", "decimal"},
		{`{"id": "1", "type": "deal_won", "lead": {"email": "a@b.example"}, "properties": {"amount": {"amount": true}}}`, "properties.amount.amount", "decimal"},
		{`{"id": "1", "type": "deal_won", "lead": {"email": "a@b.example"}, "properties": {"amount": 1, "currency": "euros"}}`, "properties.currency", "currency"},
		{`{"id": "1", "type": "consent_changed", "lead": {"email": "a@b.example"}, "properties": {"form": "x"}}`, "properties.purposes", "required"},
		{`["id"]`, "", "object"},
	} {
		_, errs := read(t, Form{}, tc.body)
		if len(errs) != 1 || errs[0].Field != tc.field || !strings.Contains(errs[0].Reason, tc.reason) {
			t.Errorf("%.120s: %v; want %s: …%s…", tc.body, errs, tc.field, tc.reason)
		}
	}
}

// All that is wrong is told at once, and never without bound.
func TestErrorsAreBounded(t *testing.T) {
	_, errs := read(t, Form{}, `{"id": "", "type": "x", "occurred_at": "y", "lead": {"email": "z"}}`)
	if len(errs) != 4 {
		t.Errorf("%v, want 4", errs)
	}
	many := map[string]int{}
	for i := range 5000 {
		many[fmt.Sprint("k", i)] = i
	}
	body, _ := json.Marshal(many)
	if _, errs = read(t, Form{}, string(body)); len(errs) != maxErrors {
		t.Errorf("%d errors, want %d", len(errs), maxErrors)
	}
}

func TestClockDifferencesAreBounded(t *testing.T) {
	got := mustRead(t, `{"id": "1", "type": "demo_requested", "occurred_at": "2026-11-20T15:00:00Z", "lead": {"email": "a@b.example"}}`)
	if !got.Event.OccurredAt.AsTime().Equal(received) || got.Event.StatedAt.AsTime().Format(time.RFC3339) != "2026-11-20T15:00:00Z" {
		t.Errorf("occurred %v, stated %v", got.Event.OccurredAt.AsTime(), got.Event.StatedAt.AsTime())
	}
	got = mustRead(t, `{"id": "1", "type": "demo_requested", "occurred_at": "2026-11-20T11:00:00+00:00", "lead": {"email": "a@b.example"}}`)
	if got.Event.StatedAt != nil {
		t.Error("a time that was taken as it was is stated twice")
	}
}

func TestEnvelope(t *testing.T) {
	f := Form{ID: "msg_1", Type: "demo_requested", OccurredAt: "2026-11-20T10:00:00Z", At: "data."}
	got, errs := read(t, f, `{"id": "own", "lead": {"email": "a@b.example"}}`)
	if errs != nil {
		t.Fatal(errs)
	}
	same(t, got.Event, `{"id": "msg_1", "source": "app", "type": "demo_requested", "occurredAt": "2026-11-20T10:00:00Z", "receivedAt": "2026-11-20T12:00:00Z",
		"identity": {"email": "a@b.example"}, "properties": {"id": "own"}, "demoRequested": {}}`)
	got, errs = read(t, f, `{"type": "page_viewed", "occurred_at": "2026-11-20T09:00:00Z", "lead": {"email": "a@b.example"}}`)
	if errs != nil || got.Event.Type != "page_viewed" || got.Event.OccurredAt.AsTime().Hour() != 9 {
		t.Errorf("the event's own type and time count: %v %v", got.Event, errs)
	}
	f.OccurredAt = "never"
	if _, errs = read(t, f, `{"lead": {"e": 1}}`); len(errs) != 2 || errs[0].Field != "timestamp" || errs[1].Field != "data.lead.e" {
		t.Errorf("%v", errs)
	}
}

// An event is a copy: the body it came from may be overwritten.
func TestEventsKeepNothingOfTheBody(t *testing.T) {
	body := []byte(`{"id":"evt-1","type":"custom","name":"nnnn","lead":{"email":"a@b.example","user_id":"uuuu"},"traits":{"title":"tttt","x":"xxxx"},"properties":{"url":"yyyy","l":["zzzz"]}}`)
	d := strictjson.NewDoc()
	v, err := d.Parse(body, 0, len(body), strictjson.Limits{Depth: 32, Keys: 100, Values: 100, Digits: 64})
	if err != nil {
		t.Fatal(err)
	}
	got, errs := Form{Source: "app", Received: At(received)}.Read(v)
	if errs != nil {
		t.Fatal(errs)
	}
	before := proto.CloneOf(got.Event)
	for i := range body {
		body[i] = '#'
	}
	if !proto.Equal(before, got.Event) {
		t.Errorf("changed with the body: %v", got.Event)
	}
}

func FuzzForm(f *testing.F) {
	for _, s := range []string{
		`{"id":"evt-1","type":"asset_downloaded","occurred_at":"2026-11-20T10:00:00Z","lead":{"email":"a@b.example","external_ids":{"crm":1}},"traits":{"title":"x","y":[1]},"account":{"employees":4.2e2},"properties":{"url":"https://x/?utm_medium=%zz"}}`,
		`{"id":"1","type":"deal_won","lead":{"user_id":"u"},"properties":{"amount":{"amount":"1e3","currency":"EUR"},"handoff_id":"ho_x_1"}}`,
		`{"id":"1","type":"consent_changed","lead":{"anonymous_id":"a"},"properties":{"purposes":{"email":true}}}`,
		`{"id":"1","type":"custom","name":"\u00e9","lead":{},"occurred_at":"0000-01-01T00:00:00Z"}`,
	} {
		f.Add([]byte(s))
	}
	d := strictjson.NewDoc()
	f.Fuzz(func(t *testing.T, body []byte) {
		v, err := d.Parse(body, 0, len(body), strictjson.Limits{Depth: 32, Keys: 1000, Values: 1000, Digits: 64})
		if err != nil {
			return
		}
		got, errs := Form{Source: "app", Received: At(received)}.Read(v)
		if (errs == nil) != (got.Event != nil) || len(errs) > maxErrors {
			t.Fatalf("%v %v", got, errs)
		}
		if errs != nil {
			return
		}
		ev := got.Event
		if ev.Id == "" || core.ClassOf(ev.Type) == core.Unknown || ev.OccurredAt.AsTime().After(received) || ev.OccurredAt.CheckValid() != nil {
			t.Fatalf("%v", ev)
		}
		if ev.Identity == nil && got.Lead == "" {
			t.Fatal("about nobody")
		}
		raw, err := proto.Marshal(ev)
		if err != nil {
			t.Fatal(err)
		}
		if err := proto.Unmarshal(raw, &journalv1.Event{}); err != nil {
			t.Fatal(err)
		}
	})
}

const event500 = `{"id":"evt-0123456789","type":"asset_downloaded","occurred_at":"2026-11-20T10:00:00Z","lead":{"email":"ana@initech.example","anonymous_id":"an-7","external_ids":{"hubspot":"123"}},"traits":{"first_name":"Ana","last_name":"Lind","title":"VP Engineering","country":"SE"},"account":{"name":"Initech","domain":"initech.example","employees":420,"industry":"software"},"properties":{"asset":"pricing-guide","channel":"email","campaign":"q4-launch","url":"https://www.initech.example/pricing?utm=1"}}`

func BenchmarkForm500(b *testing.B) {
	body, d := []byte(event500), strictjson.NewDoc()
	f := Form{Source: "app", Received: At(received)}
	b.ReportAllocs()
	for b.Loop() {
		v, err := d.Parse(body, 0, len(body), strictjson.Limits{Depth: 32, Keys: 100, Values: 100, Digits: 64})
		if err != nil {
			b.Fatal(err)
		}
		if _, errs := f.Read(v); errs != nil {
			b.Fatal(errs)
		}
	}
}
