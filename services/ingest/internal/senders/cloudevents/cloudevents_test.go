package cloudevents

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/sendertest"
)

const (
	own = `{"specversion":"1.0","id":"e-1","source":"/initech/site","type":"example.initech.demo_requested","time":"2026-11-20T10:00:00.5Z","region":"north",` +
		`"data":{"lead":{"email":"ana@initech.example"},"properties":{"campaign":"q4"}}}`
	other = `{"specversion":"1.0","id":"e-2","source":"/initech/site","type":"example.initech.lead.scored","time":"2026-11-20T10:00:00Z","subject":"lead/52",` +
		`"datacontenttype":"application/json; charset=utf-8","data":{"email":"jörg@initech.example","score":87,"firstName":"Jörg"}}`
	wantOwn   = "demo_requested ana@initech.example at 2026-11-20T10:00:00.5Z by /q4"
	wantOther = `custom "example.initech.lead.scored" jörg@initech.example at 2026-11-20T10:00:00Z`
)

func bearer(r *sender.Request, secret string) { r.Header.Set("Authorization", "Bearer "+secret) }

func structured() sendertest.Vendor {
	return sendertest.Vendor{
		Type: Type(), Secret: "a token", OldSecret: "an older one", ContentType: "application/cloudevents+json; charset=utf-8", Sign: bearer,
		Body: []byte(own), Want: []string{wantOwn},
		Again:   [][]byte{[]byte(strings.Replace(own, "north", "south", 1))},
		Alike:   [][]byte{[]byte(strings.Replace(own, "e-1", "e-2", 1)), []byte(strings.Replace(own, "/initech/site", "/initech/app", 1))},
		Unknown: [][]byte{[]byte(other), []byte(strings.Replace(own, "demo_requested", "pondered", 1)), []byte(strings.Replace(other, "email", "blob", 1))},
	}
}

func batched() sendertest.Vendor {
	v := structured()
	v.ContentType, v.Body, v.Want = "Application/CloudEvents-Batch+JSON", []byte("["+own+","+other+"]"), []string{wantOwn, wantOther}
	v.Again, v.Alike, v.Unknown = [][]byte{[]byte("[" + other + "," + own + "]")}, nil, nil
	return v
}

func binary() sendertest.Vendor {
	v := structured()
	v.ContentType, v.Again, v.Alike, v.Unknown = "application/json", nil, nil, nil
	v.Body = []byte(`{"lead":{"email":"ana@initech.example"},"properties":{"campaign":"q4"}}`)
	v.Sign = func(r *sender.Request, secret string) {
		bearer(r, secret)
		for name, value := range map[string]string{
			"Ce-Id": "e-1", "Ce-Source": "/initech/site", "Ce-Type": "example.initech.demo_requested", "Ce-Specversion": "1.0", "Ce-Time": "2026-11-20T10:00:00.5Z", "Ce-Region": "north",
		} {
			r.Header.Set(name, value)
		}
	}
	return v
}

func TestConforms(t *testing.T) {
	for name, v := range map[string]sendertest.Vendor{"structured": structured(), "batched": batched(), "binary": binary()} {
		t.Run(name, func(t *testing.T) { sendertest.Conform(t, v) })
	}
}

// decode gives what becomes of a delivery: facts, errors, why it is ignored.
func decode(t testing.TB, cfg sender.Config, d *sender.Delivery) (facts []fact.Fact, refused, ignored []string) {
	t.Helper()
	v := structured()
	v.Config = cfg
	d.Received = fact.At(sendertest.Now())
	err := v.New(t, "k").Decode(d, func(item sender.Item) error {
		switch {
		case item.Errors != nil:
			refused = append(refused, item.Errors.Error())
		case item.Ignored != "":
			ignored = append(ignored, item.Ignored)
		default:
			facts = append(facts, item.Fact)
		}
		return nil
	})
	if err != nil {
		refused = append(refused, err.Error())
	}
	return facts, refused, ignored
}

// TestModesAgree: an event is the same fact in whichever mode it comes, and when it is replayed after having been cut out of a
// batch.
func TestModesAgree(t *testing.T) {
	header := map[string]string{
		"ce-id": "e-1", "ce-source": "/initech/site", "ce-type": "example.initech.demo_requested", "ce-specversion": "1.0", "ce-time": "2026-11-20T10:00:00.5Z", "ce-region": "north",
	}
	data := `{"lead":{"email":"ana@initech.example"},"properties":{"campaign":"q4"}}`
	encoded := strings.Replace(own, `"data":`+data, `"data_base64":"eyJsZWFkIjp7ImVtYWlsIjoiYW5hQGluaXRlY2guZXhhbXBsZSJ9LCJwcm9wZXJ0aWVzIjp7ImNhbXBhaWduIjoicTQifX0="`, 1)
	var first *fact.Fact
	for name, d := range map[string]*sender.Delivery{
		"structured":        {ContentType: "application/cloudevents+json", Body: []byte(own)},
		"with blanks":       {ContentType: "APPLICATION/cloudevents+json ; charset=UTF-8", Body: []byte("\ufeff \n" + own + "\n")},
		"no format":         {ContentType: "application/cloudevents", Body: []byte(own)},
		"base64":            {ContentType: "application/cloudevents+json", Body: []byte(encoded)},
		"batch":             {ContentType: "application/cloudevents-batch+json", Body: []byte(" [" + own + "]")},
		"cut out of one":    {Body: []byte(own)},
		"a forgotten type":  {ContentType: "application/json", Body: []byte(own)},
		"binary":            {ContentType: "application/json", Header: header, Body: []byte(data)},
		"binary, no type":   {Header: header, Body: []byte(data)},
		"binary, +json":     {ContentType: "application/vnd.initech+json", Header: header, Body: []byte(data)},
		"both, headers too": {ContentType: "application/cloudevents+json", Header: map[string]string{"ce-id": "another"}, Body: []byte(own)},
	} {
		facts, refused, _ := decode(t, sender.Config{}, d)
		if len(facts) != 1 || sendertest.Tell(facts[0]) != wantOwn || facts[0].Event.Id != "/initech/site:e-1" {
			t.Errorf("%s: %v %v", name, facts, refused)
			continue
		}
		if first == nil {
			first = &facts[0]
		}
		if got, want := facts[0].Event.Properties.AsMap()["cloudevent"], first.Event.Properties.AsMap()["cloudevent"]; len(got.(map[string]any)) != len(want.(map[string]any)) || got.(map[string]any)["region"] != "north" { //nolint:forcetypeassert // it panics, and so fails
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func TestRefused(t *testing.T) {
	const structured, batch = "application/cloudevents+json", "application/cloudevents-batch+json"
	with := func(old, new string) string { return strings.Replace(own, old, new, 1) }
	header := func(name, value string) map[string]string {
		h := map[string]string{"ce-id": "1", "ce-source": "s", "ce-type": "demo_requested", "ce-specversion": "1.0", "ce-subject": "ana@initech.example"}
		h[name] = value
		return h
	}
	for name, tc := range map[string]struct {
		d    sender.Delivery
		want string
	}{
		"another version":      {sender.Delivery{ContentType: structured, Body: []byte(with(`"1.0"`, `"0.3"`))}, "specversion: is not 1.0"},
		"no version":           {sender.Delivery{ContentType: structured, Body: []byte(with(`"specversion":"1.0",`, ``))}, "specversion: is required"},
		"no id":                {sender.Delivery{ContentType: structured, Body: []byte(with(`"id":"e-1"`, `"id":""`))}, "id: is required"},
		"no source":            {sender.Delivery{ContentType: structured, Body: []byte(with(`"source":"/initech/site",`, ``))}, "source: is required"},
		"no type":              {sender.Delivery{ContentType: structured, Body: []byte(with(`"type":"example.initech.demo_requested",`, ``))}, "type: is required"},
		"a list as one":        {sender.Delivery{ContentType: structured, Body: []byte("[" + own + "]")}, "a list of events has the type"},
		"one as a list":        {sender.Delivery{ContentType: batch, Body: []byte(own)}, "a batch must be a list"},
		"another format":       {sender.Delivery{ContentType: "application/cloudevents+xml", Body: []byte("<event/>")}, "only JSON is read"},
		"another batch format": {sender.Delivery{ContentType: "application/cloudevents-batch+avro", Body: []byte("[")}, "only JSON is read"},
		"no CloudEvent":        {sender.Delivery{ContentType: "application/json", Body: []byte(`{"email":"ana@initech.example"}`)}, "this is no CloudEvent"},
		"nothing":              {sender.Delivery{}, "this is no CloudEvent"},
		"two data":             {sender.Delivery{ContentType: structured, Body: []byte(with(`"data":`, `"data_base64":"e30=","data":`))}, "data_base64: stands beside data"},
		"no base64":            {sender.Delivery{ContentType: structured, Body: []byte(with(`"data":{`, `"data_base64":"%","x":{`))}, "data_base64: is not base64"},
		"text":                 {sender.Delivery{ContentType: structured, Body: []byte(`{"specversion":"1.0","id":"1","source":"s","type":"t","datacontenttype":"text/plain","data":"hello"}`)}, "datacontenttype"},
		"text as a body":       {sender.Delivery{ContentType: "text/plain", Header: header("ce-x", "y"), Body: []byte("hello")}, "datacontenttype"},
		"broken data":          {sender.Delivery{ContentType: "application/json", Header: header("ce-x", "y"), Body: []byte(`{"a":`)}, "data"},
		"no UTF-8":             {sender.Delivery{Header: header("ce-subject", "an\ufffda")}, "ce-subject: is not UTF-8"},
		"no UTF-8, encoded":    {sender.Delivery{Header: header("ce-subject", "%C3x")}, "ce-subject: is not UTF-8"},
		"a misspelt field":     {sender.Delivery{ContentType: structured, Body: []byte(with(`"properties"`, `"propertys"`))}, "data.propertys: is not a known field"},
		"about nobody":         {sender.Delivery{ContentType: structured, Body: []byte(`{"specversion":"1.0","id":"1","source":"s","type":"demo_requested"}`)}, "data.email: says of nobody"},
	} {
		facts, refused, ignored := decode(t, sender.Config{}, &tc.d)
		if len(facts)+len(ignored) > 0 || len(refused) != 1 || !strings.Contains(refused[0], tc.want) {
			t.Errorf("%s: %v %v %v, want %s", name, facts, refused, ignored, tc.want)
		}
	}
}

func TestWhoAndWhat(t *testing.T) {
	event := func(kind, subject, data string) string {
		return `{"specversion":"1.0","id":"1","source":"s","type":"` + kind + `","subject":"` + subject + `","time":"not a time","data":` + data + `}`
	}
	const at = " at 2026-11-20T12:00:00Z"
	for name, tc := range map[string]struct {
		kind, subject, data, want string
	}{
		"an address as the subject":         {"demo.requested", "ana@initech.example", `{}`, "demo_requested ana@initech.example" + at},
		"an id as the subject":              {"demo.requested", "u-7", `{}`, "demo_requested s:u-7" + at},
		"a subject that is no person":       {"example.blob.created", "/blobs/7", `{}`, ""},
		"of an unknown kind about a person": {"example.blob.created", "ana@initech.example", `[1]`, `custom "example.blob.created" ana@initech.example` + at},
		"data before the subject":           {"demo.requested", "u-7", `{"user":{"userId":7,"email":"Ana@initech.example"}}`, "demo_requested ana@initech.example 7" + at},
		"external ids":                      {"demo.requested", "", `{"external_ids":{"HubSpot":12}}`, "demo_requested hubspot:12" + at},
		"a campaign":                        {"demo.requested", "", `{"anonymousId":"a-1","utm_campaign":"q4","utm_medium":"cpc"}`, "demo_requested a-1" + at + " by cpc/q4"},
		"mapped":                            {"com.example.signup", "", `{"email":"ana@initech.example"}`, "trial_started ana@initech.example" + at},
		"sales' answer by name alone":       {"example.order.accepted", "", `{"email":"ana@initech.example"}`, `custom "example.order.accepted" ana@initech.example` + at},
	} {
		facts, refused, ignored := decode(t, sender.Config{Map: map[string]string{"com.example.signup": "trial_started"}},
			&sender.Delivery{ContentType: "application/cloudevents+json", Body: []byte(event(tc.kind, tc.subject, tc.data))})
		switch {
		case tc.want == "" && len(ignored) == 1 && len(facts) == 0:
		case len(facts) != 1 || sendertest.Tell(facts[0]) != tc.want:
			t.Errorf("%s: %v %v %v", name, facts, refused, ignored)
		}
	}
}

func TestHeaderText(t *testing.T) {
	for in, want := range map[string]string{
		"plain": "plain", "acct 7": "acct 7", "J%C3%B6rg": "Jörg", "Jörg": "Jörg", `"quoted \"twice\" \\"`: `quoted "twice" \`, `"J%C3%B6rg"`: "Jörg",
		`100%"q"`: `100%"q"`, "100%": "100%", "%2": "%2", "%zz": "%zz", "100%25": "100%", "%2525": "%25", `"`: `"`, `""`: "", "": "", " x ": "x", "%EF%BF%BD": "\ufffd",
	} {
		if got, ok := headerText(in); !ok || got != want {
			t.Errorf("%q: %q %v, want %q", in, got, ok, want)
		}
	}
	for _, in := range []string{"%C3", "%ff", "a\ufffd", "%00", `"%C3x"`} {
		if got, ok := headerText(in); ok {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestToken(t *testing.T) {
	v := structured()
	s := v.New(t, "k")
	for name, tc := range map[string]struct {
		r    sender.Request
		want bool
	}{
		"in the address":    {sender.Request{Token: "k"}, true},
		"access_token":      {sender.Request{Query: url.Values{"access_token": {"k"}}}, true},
		"token":             {sender.Request{Query: url.Values{"token": {"k"}}}, true},
		"bearer":            {sender.Request{Header: http.Header{"Authorization": {"Bearer k"}}}, true},
		"wrong":             {sender.Request{Token: "x", Query: url.Values{"access_token": {"k"}}}, false},
		"none, from nearby": {sender.Request{Local: true}, false},
	} {
		if _, err := s.Verify(&tc.r); (err == nil) != tc.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	open := v.New(t)
	if _, err := open.Verify(&sender.Request{Local: true}); err != nil {
		t.Error(err)
	}
	if _, err := open.Verify(&sender.Request{Token: "k"}); err == nil {
		t.Error("without a token anybody may post")
	}
}

func TestHandshake(t *testing.T) {
	v := structured()
	v.Config.Rate = 2.5
	greet := func(s sender.Sender, method, origin string) sender.Greeting {
		t.Helper()
		g, ok := s.(sender.Greeter)
		if !ok {
			t.Fatal("it answers no handshake")
		}
		hello, err := g.Greet(&sender.Request{Method: method, Header: http.Header{"Webhook-Request-Origin": {origin}, "Webhook-Request-Rate": {"120"}}})
		if err != nil {
			t.Fatal(err)
		}
		return hello
	}
	limited := v.New(t, "k")
	if g := greet(limited, http.MethodOptions, "events.initech.example"); g.Status != 200 || g.Header["WebHook-Allowed-Origin"] != "events.initech.example" || g.Header["WebHook-Allowed-Rate"] != "150" || g.Header["Allow"] != "POST" {
		t.Errorf("%+v", g)
	}
	v.Config.Rate = 0
	if g := greet(v.New(t, "k"), http.MethodOptions, "events.initech.example"); g.Header["WebHook-Allowed-Rate"] != "*" {
		t.Errorf("%+v", g)
	}
	for _, origin := range []string{"", "a b", "<script>", strings.Repeat("a", 300)} {
		if g := greet(limited, http.MethodOptions, origin); g.Status != 400 || len(g.Header["WebHook-Allowed-Origin"]) > 0 {
			t.Errorf("%q: %+v", origin, g)
		}
	}
	if g := greet(limited, http.MethodGet, "events.initech.example"); g.Status != 405 {
		t.Errorf("%+v", g)
	}
}

func FuzzDecode(f *testing.F) {
	v := structured()
	s := v.New(f, "k")
	f.Add([]byte(own), "application/cloudevents+json")
	f.Add([]byte(other), "")
	f.Add([]byte("["+own+",{},1]"), "application/cloudevents-batch+json")
	f.Add([]byte(`{"specversion":"1.0","id":"1","source":"s","type":"deal.won","data_base64":"eyJlbWFpbCI6ImFAYi5leGFtcGxlIn0="}`), "application/cloudevents+json")
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		sendertest.Check(t, s, &sender.Delivery{Body: body, ContentType: contentType, Received: fact.At(sendertest.Now())})
	})
}

func FuzzBinary(f *testing.F) {
	v := structured()
	s := v.New(f, "k")
	f.Add("1", "s", "demo_requested", `"an%61@initech.example"`, "x", "%C3%B6", []byte(`{"user_id":"u"}`))
	f.Fuzz(func(t *testing.T, id, source, kind, subject, name, value string, body []byte) {
		h := map[string]string{"ce-" + strings.ToValidUTF8(name, ""): value, "ce-id": id, "ce-source": source, "ce-type": kind, "ce-subject": subject, "ce-specversion": "1.0"}
		for k, v := range h {
			h[k] = strings.ToValidUTF8(v, "\ufffd")
		}
		sendertest.Check(t, s, &sender.Delivery{Body: body, ContentType: "application/json", Header: h, Received: fact.At(sendertest.Now())})
	})
}
