package cloudevents

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	sdk "github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
)

// theirs makes an event with the SDK of Go.
func theirs(t *testing.T, id string) sdk.Event {
	t.Helper()
	e := sdk.New("1.0")
	e.SetID(id)
	// A source with percent signs in it the SDK of Go writes into a header as it stands, although the binding has it encoded.
	e.SetSource("https://initech.example/houses?a=1")
	e.SetType("example.initech.demo_requested")
	e.SetSubject(`Jörg's "100%" plan`)
	e.SetTime(time.Date(2026, 11, 20, 10, 0, 0, 123_000_000, time.UTC))
	e.SetExtension("region", "nörth east")
	if err := e.SetData("application/json", map[string]any{"email": "jörg@initech.example", "score": 87}); err != nil {
		t.Fatal(err)
	}
	if err := e.Validate(); err != nil {
		t.Fatal(err)
	}
	return e
}

// sent gives the request as it comes out of an http.Request: the delivery as the edge makes it of it.
func sent(t *testing.T, r *http.Request) (*sender.Delivery, []byte) {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	d := &sender.Delivery{ContentType: r.Header.Get("Content-Type"), Header: map[string]string{}, Body: body}
	for name, values := range r.Header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, prefix) {
			d.Header[lower] = strings.Join(values, ", ")
		}
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return d, body
}

// same compares what we read with what the SDK reads.
func same(t *testing.T, f fact.Fact, e sdk.Event) {
	t.Helper()
	ce, _ := f.Event.Properties.AsMap()["cloudevent"].(map[string]any)
	if ce["id"] != e.ID() || ce["type"] != e.Type() || ce["source"] != e.Source() || ce["subject"] != e.Subject() || ce["region"] != e.Extensions()["region"] {
		t.Errorf("we read %v, they %v", ce, e)
	}
	if !f.Event.OccurredAt.AsTime().Equal(e.Time()) || f.Event.Type != "demo_requested" || f.Event.GetIdentity().GetEmail() != "jörg@initech.example" {
		t.Errorf("%v", f.Event)
	}
}

func TestAgreesWithTheSDK(t *testing.T) {
	e := theirs(t, "e-1")
	binary, err := cehttp.NewHTTPRequestFromEvent(t.Context(), "http://baton.example/webhooks/s", e)
	if err != nil {
		t.Fatal(err)
	}
	if binary.Header.Get("Ce-Id") == "" {
		t.Fatal("it is not in binary mode")
	}
	batch, err := cehttp.NewHTTPRequestFromEvents(t.Context(), "http://baton.example/webhooks/s", []sdk.Event{e, theirs(t, "e-2")})
	if err != nil {
		t.Fatal(err)
	}
	written, err := e.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	one, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://baton.example/webhooks/s", bytes.NewReader(written))
	if err != nil {
		t.Fatal(err)
	}
	one.Header.Set("Content-Type", "application/cloudevents+json")
	for name, r := range map[string]*http.Request{"binary": binary, "batch": batch, "structured": one} {
		t.Run(name, func(t *testing.T) {
			d, body := sent(t, r)
			facts, refused, _ := decode(t, sender.Config{}, d)
			if len(refused) > 0 || len(facts) == 0 {
				t.Fatalf("%s: %v", body, refused)
			}
			var read []sdk.Event
			if name == "batch" {
				read, err = cehttp.NewEventsFromHTTPRequest(r)
			} else {
				var single *sdk.Event
				if single, err = cehttp.NewEventFromHTTPRequest(r); err == nil {
					read = []sdk.Event{*single}
				}
			}
			if err != nil || len(read) != len(facts) {
				t.Fatalf("they read %d, we %d: %v", len(read), len(facts), err)
			}
			for i := range read {
				same(t, facts[i], read[i])
			}
		})
	}
}

// TestRefusesWhatTheSDKRefuses: what has been tampered with, so that it is no CloudEvent any more, neither side takes.
func TestRefusesWhatTheSDKRefuses(t *testing.T) {
	header := func(change func(h http.Header)) http.Header {
		h := http.Header{"Content-Type": {"application/json"}, "Ce-Id": {"1"}, "Ce-Source": {"s"}, "Ce-Type": {"demo_requested"}, "Ce-Specversion": {"1.0"}}
		change(h)
		return h
	}
	structured := http.Header{"Content-Type": {"application/cloudevents+json"}}
	data := `{"email":"ana@initech.example"}`
	for name, tc := range map[string]struct {
		header http.Header
		body   string
	}{
		"no id":                  {header(func(h http.Header) { h.Del("Ce-Id") }), data},
		"no source":              {header(func(h http.Header) { h.Del("Ce-Source") }), data},
		"no type":                {header(func(h http.Header) { h.Del("Ce-Type") }), data},
		"no version":             {header(func(h http.Header) { h.Del("Ce-Specversion") }), data},
		"another version":        {header(func(h http.Header) { h.Set("Ce-Specversion", "7.0") }), data},
		"structured, no id":      {structured, `{"specversion":"1.0","source":"s","type":"demo_requested","data":` + data + `}`},
		"structured, no source":  {structured, `{"specversion":"1.0","id":"1","type":"demo_requested","data":` + data + `}`},
		"structured, no version": {structured, `{"id":"1","source":"s","type":"demo_requested","data":` + data + `}`},
		"structured, cut off":    {structured, `{"specversion":"1.0","id":"1","source":"s","type":"demo_requested","data":`},
		"structured, a list":     {structured, `[{"specversion":"1.0","id":"1","source":"s","type":"demo_requested","data":` + data + `}]`},
		"no CloudEvent":          {http.Header{"Content-Type": {"application/json"}}, data},
	} {
		r := &http.Request{Method: http.MethodPost, Header: tc.header, Body: io.NopCloser(strings.NewReader(tc.body))}
		d, _ := sent(t, r)
		facts, _, ignored := decode(t, sender.Config{}, d)
		e, err := cehttp.NewEventFromHTTPRequest(r)
		if err == nil {
			err = e.Validate()
		}
		if len(facts)+len(ignored) > 0 || err == nil {
			t.Errorf("%s: we read %v, they say %v", name, facts, err)
		}
	}
}
