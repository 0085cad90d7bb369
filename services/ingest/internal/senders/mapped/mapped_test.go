package mapped

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/sendertest"
)

// webinars is the mapping of a platform for webinars.
func webinars() *sender.Mapping {
	return &sender.Mapping{
		Events: "body.events", Headers: []string{"X-Tenant"},
		Facts: []sender.MappedFact{
			{When: `event.kind == "ping"`, Ignore: "a sign of life"},
			{
				When: `event.kind == "attended"`, Type: "event_attended", ID: "event.id", OccurredAt: "event.at", Email: "event.attendee.email",
				ExternalIDs: map[string]string{"webinars": "event.attendee.id"},
				Traits: map[string]string{
					"first_name": `event.attendee.name.before(" ")`, "last_name": `event.attendee.name.after(" ")`, "seat": "event.attendee.seat",
				},
				Account:    map[string]string{"name": "event.attendee.company.name", "employees": "event.attendee.company.size", "tenant": `header["x-tenant"]`},
				Properties: map[string]string{"event": "event.title", "campaign": "event.utm.campaign", "channel": `"webinar"`, "minutes": "event.seconds / 60.0"},
				Automated:  "event.bot",
			},
			{When: `event.kind == "optin"`, Type: "consent_changed", ID: "event.id", Email: "event.email", Consent: map[string]string{"email": "event.yes"}},
			{When: `has(event.attendee)`, TypeOf: "event.kind", ID: "event.id", Email: "event.attendee.email"},
		},
	}
}

const (
	secret = "a secret of ours"
	body   = `{"account": 7, "events": [
  {"id": 90071992547409931, "kind": "attended", "at": "2026-11-20T10:00:00Z", "title": "Pricing live", "seconds": 1800, "utm": {"campaign": "q4-launch"},
   "attendee": {"id": "p-1", "email": "Ana@Initech.example", "name": "Ana Lind", "seat": 12, "company": {"name": "Initech", "size": 420}}},
  {"id": "e-2", "kind": "ping"}, {"id": "e-3", "kind": "optin", "email": "bo@initech.example", "yes": true}
]}`
)

func vendor() sendertest.Vendor {
	return sendertest.Vendor{
		Type: Type(), Secret: secret, OldSecret: "the one before", Covers: true, Stale: sender.Tolerance,
		Config: sender.Config{
			Mapping: webinars(), Map: map[string]string{"asked": "demo_requested"},
			Signature: &sender.Signature{
				Header: "X-Signature", Prefix: "sha256=", Content: "{timestamp}.{body}", Timestamp: &sender.SignedTime{Header: "X-Timestamp"},
			},
		},
		Keep: func(name string) bool { return name == "x-tenant" },
		Body: []byte(body), ContentType: "application/json",
		Sign: func(r *sender.Request, secret string) {
			at := strconv.FormatInt(r.Now.Unix(), 10)
			r.Header.Set("X-Timestamp", at)
			r.Header.Set("X-Signature", "sha256="+hex.EncodeToString(sender.MAC(sha256.New, secret, []byte(at+"."), r.Body)))
			r.Header.Set("X-Tenant", "t-9")
		},
		Want: []string{
			"event_attended ana@initech.example webinars:p-1 at 2026-11-20T10:00:00Z by webinar/q4-launch",
			"consent_changed bo@initech.example at 2026-11-20T12:00:00Z",
		},
		Again: [][]byte{[]byte(`{"account": 7, "attempt": 2, "events": [{"id": "e-3", "kind": "optin", "email": "bo@initech.example", "yes": true},
  {"id": 90071992547409931, "kind": "attended", "attendee": {"email": "ana@initech.example"}}]}`)},
		Alike: [][]byte{[]byte(strings.NewReplacer("90071992547409931", "90071992547409932", "e-3", "e-4").Replace(body))},
		Unknown: [][]byte{
			[]byte(`{"events": [{"id": "u-1", "kind": "raised_hand", "attendee": {"email": "ana@initech.example"}}]}`),
			[]byte(`{"events": [{"id": "u-2", "kind": "raised_hand"}]}`), []byte(`{"events": [{}]}`),
		},
	}
}

func TestConforms(t *testing.T) { sendertest.Conform(t, vendor()) }

// A source that shows a token and posts lists, without an envelope.
func TestATokenConforms(t *testing.T) {
	v := vendor()
	v.Config.Signature, v.Covers, v.Stale = nil, false, 0
	v.Config.Mapping.Events, v.Config.Mapping.Headers = "", nil
	v.Keep = nil
	v.Sign = func(r *sender.Request, secret string) { r.Token = secret }
	cut := func(b []byte) []byte {
		text := string(b)
		return []byte(text[strings.Index(text, "[") : len(text)-1])
	}
	v.Body = cut(v.Body)
	for _, list := range [][][]byte{v.Again, v.Alike, v.Unknown} {
		for i := range list {
			list[i] = cut(list[i])
		}
	}
	sendertest.Conform(t, v)
}

// decode gives what becomes of a body, in order: a fact as told, why it is ignored, or what is wrong.
func decode(t *testing.T, s sender.Sender, body string, header map[string]string) (told []string, items []sender.Item) {
	t.Helper()
	err := s.Decode(&sender.Delivery{Body: []byte(body), Header: header, Received: fact.At(sendertest.Now())}, func(item sender.Item) error {
		items = append(items, item)
		switch {
		case item.Fact.Event != nil:
			told = append(told, sendertest.Tell(item.Fact))
		case item.Ignored != "":
			told = append(told, "ignored: "+item.Ignored)
		default:
			told = append(told, "wrong: "+item.Errors.Error())
		}
		return nil
	})
	if err != nil {
		told = append(told, "unreadable: "+err.Error())
	}
	return told, items
}

func TestEverythingOfAFact(t *testing.T) {
	v := vendor()
	_, items := decode(t, v.New(t, secret), body, map[string]string{"x-tenant": "t-9"})
	ev := items[0].Fact.Event
	if ev.Id != "90071992547409931" {
		t.Errorf("id %s: a number's digits must stay", ev.Id)
	}
	if a := ev.Account; a.GetName() != "Initech" || a.GetEmployees() != 420 || a.GetOther().GetFields()["tenant"].GetStringValue() != "t-9" {
		t.Errorf("account %v", a)
	}
	if tr := ev.Traits; tr.GetFirstName() != "Ana" || tr.GetLastName() != "Lind" || tr.GetOther().GetFields()["seat"].GetNumberValue() != 12 {
		t.Errorf("traits %v", tr)
	}
	p := ev.Properties.GetFields()
	if p["minutes"].GetNumberValue() != 30 || p["campaign"].GetStringValue() != "q4-launch" || p["kind"].GetStringValue() != "attended" {
		t.Errorf("properties %v: what is mapped and what was sent", p)
	}
	if ev.GetEventAttended().GetEvent() != "Pricing live" {
		t.Errorf("payload %v", ev.Payload)
	}
	if got := items[2].Fact.Event.GetConsentChanged().GetPurposes(); len(got) != 1 || got["email"] != "granted" {
		t.Errorf("consent %v: of the purposes that are named alone", got)
	}
}

func TestMapping(t *testing.T) {
	fixed := func(change func(*sender.MappedFact)) []sender.MappedFact {
		f := sender.MappedFact{Type: "form_submitted", ID: "event.id", Email: "event.email"}
		change(&f)
		return []sender.MappedFact{f}
	}
	const one = `{"id":"1","email":"ana@initech.example"`
	for name, c := range map[string]struct {
		facts     []sender.MappedFact
		otherwise string
		body      string
		want      []string
	}{
		"seconds":       {fixed(func(f *sender.MappedFact) { f.OccurredAt = "event.at" }), "", one + `,"at":1763632800.25}`, []string{"form_submitted ana@initech.example at 2025-11-20T10:00:00.25Z"}},
		"milliseconds":  {fixed(func(f *sender.MappedFact) { f.OccurredAt = "event.at" }), "", one + `,"at":"1763632800250"}`, []string{"form_submitted ana@initech.example at 2025-11-20T10:00:00.25Z"}},
		"a timestamp":   {fixed(func(f *sender.MappedFact) { f.OccurredAt = "timestamp(event.at)" }), "", one + `,"at":"2025-11-20T10:00:00+02:00"}`, []string{"form_submitted ana@initech.example at 2025-11-20T08:00:00Z"}},
		"no time":       {fixed(func(f *sender.MappedFact) { f.OccurredAt = "event.at" }), "", one + `,"at":null}`, []string{"form_submitted ana@initech.example at 2026-11-20T12:00:00Z"}},
		"an odd time":   {fixed(func(f *sender.MappedFact) { f.OccurredAt = "event.at" }), "", one + `,"at":"noon"}`, []string{"wrong: occurred_at: is not an RFC 3339 time such as 2026-11-20T10:00:00Z"}},
		"from ahead":    {fixed(func(f *sender.MappedFact) { f.OccurredAt = "event.at" }), "", one + `,"at":"2031-01-01T00:00:00Z"}`, []string{"form_submitted ana@initech.example at 2026-11-20T12:00:00Z"}},
		"a bot":         {fixed(func(f *sender.MappedFact) { f.Automated = "event.bot" }), "", one + `,"bot":true}`, []string{"form_submitted ana@initech.example at 2026-11-20T12:00:00Z automated"}},
		"a scanner":     {fixed(func(f *sender.MappedFact) { f.Automated = `event.agent.contains("scan") ? "a scanner" : ""` }), "", one + `,"agent":"scan/2"}`, []string{"form_submitted ana@initech.example at 2026-11-20T12:00:00Z automated"}},
		"a person":      {fixed(func(f *sender.MappedFact) { f.Automated = "event.bot" }), "", one + `,"bot":false}`, []string{"form_submitted ana@initech.example at 2026-11-20T12:00:00Z"}},
		"no id":         {fixed(func(*sender.MappedFact) {}), "", `{"email":"ana@initech.example"}`, []string{"wrong: id: is required: by it a repeated event is recognised"}},
		"nobody":        {fixed(func(*sender.MappedFact) {}), "", `{"id":"1","email":"?"}`, []string{"wrong: email: says of nobody: at least one of e-mail, user id, anonymous id and external ids is required"}},
		"joined ids":    {fixed(func(f *sender.MappedFact) { f.ID = `event.form + ":" + string(event.id)` }), "", `{"form":"f","id":7,"email":"ana@initech.example"}`, []string{"form_submitted ana@initech.example at 2026-11-20T12:00:00Z"}},
		"optional":      {fixed(func(f *sender.MappedFact) { f.Email = `event.?person.?email.orValue(event.email)` }), "", one + `}`, []string{"form_submitted ana@initech.example at 2026-11-20T12:00:00Z"}},
		"nothing takes": {fixed(func(f *sender.MappedFact) { f.When = "event.kind == 1" }), "", one + `}`, []string{"wrong: no entry of the mapping takes the event"}},
		"ignored":       {fixed(func(f *sender.MappedFact) { f.When = "event.kind == 1" }), "ignore", one + `}`, []string{"ignored: no entry of the mapping takes it"}},
		"an own type":   {fixed(func(f *sender.MappedFact) { f.Type, f.TypeOf = "", "event.kind" }), "", one + `,"kind":"Demo Requested"}`, []string{"demo_requested ana@initech.example at 2026-11-20T12:00:00Z"}},
		"a mapped type": {fixed(func(f *sender.MappedFact) { f.Type, f.TypeOf = "", "event.kind" }), "", one + `,"kind":"asked"}`, []string{"trial_started ana@initech.example at 2026-11-20T12:00:00Z"}},
		"a custom type": {fixed(func(f *sender.MappedFact) { f.Type, f.TypeOf = "", "event.kind" }), "", one + `,"kind":"Hand Raised"}`, []string{`custom "s: Hand Raised" ana@initech.example at 2026-11-20T12:00:00Z`}},
		"no type":       {fixed(func(f *sender.MappedFact) { f.Type, f.TypeOf = "", "event.kind" }), "", one + `}`, []string{"wrong: type_of: the event does not say what it is"}},
		"a deal": {fixed(func(f *sender.MappedFact) {
			f.Type, f.Properties = "deal_won", map[string]string{"amount": "event.worth", "currency": `"EUR"`, "deal_id": "event.deal"}
		}), "", one + `,"worth":12000.50,"deal":5}`, []string{"deal_won ana@initech.example at 2026-11-20T12:00:00Z"}},
		"no decision": {fixed(func(f *sender.MappedFact) {
			f.Type, f.Consent = "consent_changed", map[string]string{"email": "event.yes"}
		}), "", one + `,"bot":false}`, []string{"wrong: consent: says of no purpose that it is granted, denied, withdrawn or objected"}},
		"lines":        {fixed(func(*sender.MappedFact) {}), "", "[" + one + `},7]`, []string{"form_submitted ana@initech.example at 2026-11-20T12:00:00Z", "wrong: an event must be an object"}},
		"too costly":   {fixed(func(f *sender.MappedFact) { f.When = "event.l.all(a, event.l.all(b, a != b || true))" }), "", one + `,"l":[` + strings.Repeat("1,", 2000) + `1]}`, []string{"wrong: no entry of the mapping takes the event"}},
		"another kind": {fixed(func(f *sender.MappedFact) { f.Email = "event.email.lower()" }), "", `{"id":"1","email":["x"]}`, []string{"wrong: email: says of nobody: at least one of e-mail, user id, anonymous id and external ids is required"}},
	} {
		t.Run(name, func(t *testing.T) {
			v := vendor()
			v.Config = sender.Config{Mapping: &sender.Mapping{Facts: c.facts, Otherwise: c.otherwise}, Map: map[string]string{"asked": "trial_started"}}
			got, items := decode(t, v.New(t, secret), c.body, nil)
			if !slices.Equal(got, c.want) {
				t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(c.want, "\n\t"))
			}
			if name == "a deal" {
				if d := items[0].Fact.Event.GetDealWon(); d.GetAmount().GetAmount() != "12000.50" || d.GetAmount().GetCurrency() != "EUR" || d.GetDealId() != "5" {
					t.Errorf("%v", d)
				}
			}
		})
	}
}

// An event that could not be read is kept such that it can be read by itself, with what stands around it.
func TestWhatIsKeptOfAListCanBeDecodedAlone(t *testing.T) {
	v := vendor()
	s := v.New(t, secret)
	for _, around := range []string{"x", strings.Repeat("x", maxEnvelope)} {
		_, items := decode(t, s, `{"account":"`+around+`","events":[{"kind":"ping"},{"id":"1","kind":"attended","attendee":{}},{"kind":"ping"}],"z":1}`, nil)
		if len(items) != 3 || items[1].Errors == nil {
			t.Fatalf("%+v", items)
		}
		again, _ := decode(t, s, string(items[1].Raw), nil)
		if len(again) != 1 || again[0] != "wrong: "+items[1].Errors.Error() {
			t.Errorf("decoded alone: %v", again)
		}
		if len(items[1].Raw) > maxEnvelope {
			t.Errorf("%d bytes are kept of one event", len(items[1].Raw))
		}
	}
}

func TestEventsWithin(t *testing.T) {
	v := vendor()
	v.Config.MaxEvents = 3
	s := v.New(t, secret)
	for body, want := range map[string]string{
		`{"events":{"kind":"ping"}}`:     "ignored: a sign of life",
		`{"events":[]}`:                  "",
		`{"events":null}`:                "unreadable: events: is neither a list of events nor an event",
		`{}`:                             "unreadable: events: is neither a list of events nor an event",
		`{"events":[1]}`:                 "wrong: an event must be an object",
		`{"events":[{},{},{},{}]}`:       "unreadable: events: has more events than one request may have",
		`{"events":[{"kind":"ping"}]`:    "unreadable: ",
		`{"events":[{"k":1,"k":"twi"}]}`: "unreadable: ",
	} {
		got, _ := decode(t, s, body, nil)
		if text := strings.Join(got, "|"); text != want && (!strings.HasSuffix(want, ": ") || !strings.HasPrefix(text, want)) {
			t.Errorf("%s: %q, want %q", body, text, want)
		}
	}
}

func TestConfigurationsThatCannotWork(t *testing.T) {
	good := func() sender.Config {
		return sender.Config{Name: "s", Secrets: []string{secret}, Mapping: &sender.Mapping{Facts: []sender.MappedFact{{Type: "form_submitted", ID: "event.id", Email: "event.email"}}}}
	}
	for name, c := range map[string]struct {
		change func(*sender.Config)
		want   []string
	}{
		"no mapping":  {func(c *sender.Config) { c.Mapping = nil }, []string{"mapping.facts: is required"}},
		"no secret":   {func(c *sender.Config) { c.Secrets = nil }, []string{"secrets: at least one is required"}},
		"a write key": {func(c *sender.Config) { c.WriteKey = "w" }, []string{"write_key: "}},
		"syntax":      {func(c *sender.Config) { c.Mapping.Facts[0].Email = "event.(x" }, []string{"mapping.facts[0].email: column 7: "}},
		"a name":      {func(c *sender.Config) { c.Mapping.Facts[0].Email = "evnt.email" }, []string{"mapping.facts[0].email: column 1: undeclared reference to 'evnt'"}},
		"all at once": {func(c *sender.Config) {
			c.Mapping.Facts[0].Email, c.Mapping.Facts[0].ID, c.Mapping.Otherwise = "(", ")", "drop"
		}, []string{"facts[0].email", "facts[0].id", "mapping.otherwise"}},
		"not a truth": {func(c *sender.Config) { c.Mapping.Facts[0].When = `"x"` }, []string{"mapping.facts[0].when: must be true or false, but gives string"}},
		"not a text":  {func(c *sender.Config) { c.Mapping.Facts[0].Email = `[event.email]` }, []string{"mapping.facts[0].email: must be a text or a number, but gives list"}},
		"a fixed id":  {func(c *sender.Config) { c.Mapping.Facts[0].ID = `"x"` }, []string{"mapping.facts[0].id: looks at nothing"}},
		"no id":       {func(c *sender.Config) { c.Mapping.Facts[0].ID = "" }, []string{"mapping.facts[0].id: is required"}},
		"nobody":      {func(c *sender.Config) { c.Mapping.Facts[0].Email = "" }, []string{"mapping.facts[0].email: is required, or user_id"}},
		"a type":      {func(c *sender.Config) { c.Mapping.Facts[0].Type = "form_submited" }, []string{`mapping.facts[0].type: "form_submited" is not a known type; the nearest is "form_submitted"`}},
		"two types":   {func(c *sender.Config) { c.Mapping.Facts[0].TypeOf = "event.k" }, []string{"facts[0].type_of: is given beside type"}},
		"custom":      {func(c *sender.Config) { c.Mapping.Facts[0].Type = "custom" }, []string{"facts[0].name: is required"}},
		"consent":     {func(c *sender.Config) { c.Mapping.Facts[0].Type = "consent_changed" }, []string{"facts[0].consent: is required"}},
		"a trait":     {func(c *sender.Config) { c.Mapping.Facts[0].Traits = map[string]string{"title": "x.y"} }, []string{"facts[0].traits.title: column 1: "}},
		"unreachable": {func(c *sender.Config) { c.Mapping.Facts = append(c.Mapping.Facts, c.Mapping.Facts[0]) }, []string{"facts[0].when: is required for all but the last"}},
		"ignored":     {func(c *sender.Config) { c.Mapping.Facts[0].Ignore = "x" }, []string{"facts[0].ignore: "}},
		"events":      {func(c *sender.Config) { c.Mapping.Events = "body.events.filter(e, true)" }, []string{"mapping.events: must be a path"}},
		"a pattern":   {func(c *sender.Config) { c.Mapping.Facts[0].When = "event.a.matches(event.b)" }, []string{"the pattern of matches must be written out"}},
		"an object":   {func(c *sender.Config) { c.Mapping.Facts[0].Properties = map[string]string{"x": `{"a": 1}`} }, []string{"objects cannot be made"}},
		"long":        {func(c *sender.Config) { c.Mapping.Facts[0].Email = strings.Repeat("event.a + ", 500) + "event.a" }, []string{"facts[0].email: "}},
		"deep": {func(c *sender.Config) {
			c.Mapping.Facts[0].Email = strings.Repeat("(", 500) + "event.a" + strings.Repeat(")", 500)
		}, []string{"facts[0].email: "}},
		"a header":     {func(c *sender.Config) { c.Mapping.Headers = []string{"Authorization"} }, []string{"mapping.headers[0]: "}},
		"a map":        {func(c *sender.Config) { c.Map = map[string]string{"x": "y"} }, []string{`map: "x": "y" is not a known type`}},
		"no body":      {func(c *sender.Config) { c.Signature = &sender.Signature{Header: "X-S", Content: "{url}"} }, []string{"signature.content: has no {body}"}},
		"no header":    {func(c *sender.Config) { c.Signature = &sender.Signature{} }, []string{"signature.header: "}},
		"algorithm":    {func(c *sender.Config) { c.Signature = &sender.Signature{Header: "X-S", Algorithm: "md5"} }, []string{"signature.algorithm: "}},
		"encoding":     {func(c *sender.Config) { c.Signature = &sender.Signature{Header: "X-S", Encoding: "rot13"} }, []string{"signature.encoding: "}},
		"no timestamp": {func(c *sender.Config) { c.Signature = &sender.Signature{Header: "X-S", Content: "{timestamp}{body}"} }, []string{"signature.timestamp: is required"}},
		"not signed": {func(c *sender.Config) {
			c.Signature = &sender.Signature{Header: "X-S", Timestamp: &sender.SignedTime{Header: "X-T"}}
		}, []string{"signature.timestamp: the content has no {timestamp}"}},
		"a placeholder": {func(c *sender.Config) { c.Signature = &sender.Signature{Header: "X-S", Content: "{bdy}"} }, []string{"signature.content: {bdy} is none of"}},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := good()
			c.change(&cfg)
			_, err := New(cfg)
			if err == nil {
				t.Fatal("taken")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if strings.Contains(err.Error(), secret) {
				t.Error("the secret is shown")
			}
		})
	}
	if _, err := New(good()); err != nil {
		t.Error(err)
	}
}

// Signatures as other platforms write them.
func TestSignatures(t *testing.T) {
	at := sendertest.Now()
	stamp := strconv.FormatInt(at.UnixMilli(), 10)
	for name, c := range map[string]struct {
		setting sender.Signature
		header  map[string]string
		want    error
	}{
		"a list": {
			sender.Signature{Header: "X-S", Field: "v1", Content: "{timestamp}.{method}.{body}", Timestamp: &sender.SignedTime{Header: "X-S", Field: "t", Unit: "ms", Tolerance: time.Minute}},
			map[string]string{"X-S": "t=" + stamp + ", v1=00, v1=" + hex.EncodeToString(sender.MAC(sha256.New, secret, []byte(stamp+".POST.{}")))}, nil,
		},
		"two times": {
			sender.Signature{Header: "X-S", Field: "v1", Content: "{timestamp}.{method}.{body}", Timestamp: &sender.SignedTime{Header: "X-S", Field: "t", Unit: "ms"}},
			map[string]string{"X-S": "t=" + stamp + ",t=1,v1=" + hex.EncodeToString(sender.MAC(sha256.New, secret, []byte(stamp+".POST.{}")))}, sender.ErrUnsigned,
		},
		"a header signed": {
			sender.Signature{Header: "X-S", Content: "{header:X-Id}{body}"},
			map[string]string{"X-Id": "m-1", "X-S": hex.EncodeToString(sender.MAC(sha256.New, secret, []byte("m-1{}")))}, nil,
		},
		"another header": {
			sender.Signature{Header: "X-S", Content: "{header:X-Id}{body}"},
			map[string]string{"X-Id": "m-2", "X-S": hex.EncodeToString(sender.MAC(sha256.New, secret, []byte("m-1{}")))}, sender.ErrForged,
		},
		"unsigned": {sender.Signature{Header: "X-S"}, nil, sender.ErrUnsigned},
	} {
		t.Run(name, func(t *testing.T) {
			v := vendor()
			v.Config.Signature = &c.setting
			s := v.New(t, secret)
			v.Sign = func(r *sender.Request, _ string) {
				for k, value := range c.header {
					r.Header.Set(k, value)
				}
			}
			if _, err := s.Verify(v.Request([]byte("{}"), secret, at)); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}
