package mapped

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
)

type programs struct{}

func (programs) Automated(userAgent string, _ time.Time) bool { return userAgent == "Probe/1" }

func decodeWith(t *testing.T, m *sender.Mapping, body string) (items []sender.Item, err error) {
	t.Helper()
	s, err := New(sender.Config{Name: "s", Secrets: []string{"x"}, Mapping: m, MaxEvent: 64 << 10, MaxEvents: 500})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	err = s.Decode(&sender.Delivery{Body: []byte(body), Received: fact.At(at).Knowing(programs{})}, func(i sender.Item) error {
		i.Raw = slices.Clone(i.Raw)
		items = append(items, i)
		return nil
	})
	return items, err
}

// What follows from a property follows from a mapped one, too: a user agent, a source.
func TestMappedPropertiesAreLookedAt(t *testing.T) {
	items, err := decodeWith(t, &sender.Mapping{Facts: []sender.MappedFact{{
		Type: "page_viewed", ID: "event.id", Email: "event.email",
		Properties: map[string]string{"user_agent": "event.client.ua", "utm_source": "event.from", "url": "event.page"},
	}}}, `{"id": 1, "email": "ana@initech.example", "client": {"ua": "Probe/1"}, "from": "google", "page": "https://initech.example/", "user_agent": "kept"}`)
	if err != nil || len(items) != 1 || items[0].Errors != nil {
		t.Fatal(err, items)
	}
	ev := items[0].Fact.Event
	if !ev.Automated {
		t.Error("a program's user agent, mapped, is not seen")
	}
	if got := ev.Touch.GetChannel(); got != "organic-search" {
		t.Errorf("channel %q", got)
	}
	if got := ev.Properties.Fields["user_agent"].GetStringValue(); got != "Probe/1" {
		t.Errorf("user_agent is %q: what is mapped counts above what the event has", got)
	}
}

// Platforms write true and false in many ways.
func TestAutomatedAsPlatformsWriteIt(t *testing.T) {
	for value, want := range map[string]string{
		`true`: "the sender says so", `"true"`: "the sender says so", `1`: "the sender says so", `"yes"`: "the sender says so",
		`false`: "", `"false"`: "", `"False"`: "", `0`: "", `"0"`: "", `"no"`: "", `""`: "", `null`: "", `"a scanner"`: "a scanner",
	} {
		items, err := decodeWith(t, &sender.Mapping{Facts: []sender.MappedFact{{Type: "email_opened", ID: "event.id", Email: "event.email", Automated: "event.bot"}}},
			`{"id": 1, "email": "ana@initech.example", "bot": `+value+`}`)
		if err != nil || len(items) != 1 || items[0].Errors != nil {
			t.Fatal(err, items)
		}
		if ev := items[0].Fact.Event; ev.Automated != (want != "") || ev.AutomatedBecause != want {
			t.Errorf("%s: %v because %q, want %q", value, ev.Automated, ev.AutomatedBecause, want)
		}
	}
}

// A consent beside another type would be said nowhere.
func TestConsentIsOfConsentChanged(t *testing.T) {
	_, err := New(sender.Config{Name: "s", Secrets: []string{"x"}, Mapping: &sender.Mapping{Facts: []sender.MappedFact{
		{Type: "form_submitted", ID: "event.id", Email: "event.email", Consent: map[string]string{"email": "event.yes"}},
	}}})
	if err == nil || !strings.Contains(err.Error(), "mapping.facts[0].consent") {
		t.Errorf("%v", err)
	}
}

// A byte order mark says nothing, wherever the events stand.
func TestByteOrderMark(t *testing.T) {
	facts := []sender.MappedFact{{Type: "email_opened", ID: "event.id", Email: "event.email"}}
	const list = `[{"id": 1, "email": "ana@initech.example"}, {"id": 2}]`
	for events, body := range map[string]string{"": list, "body.events": `{"events": ` + list + `}`} {
		items, err := decodeWith(t, &sender.Mapping{Events: events, Facts: facts}, "\ufeff"+body)
		if err != nil || len(items) != 2 || items[0].Fact.Event.GetId() != "1" || items[1].Errors == nil {
			t.Fatalf("%q: %v %v", events, items, err)
		}
		again, err := decodeWith(t, &sender.Mapping{Events: events, Facts: []sender.MappedFact{{Type: "email_opened", ID: "event.id", UserID: "event.id"}}}, string(items[1].Raw))
		if err != nil || len(again) != 1 || again[0].Fact.Event.GetId() != "2" {
			t.Errorf("%q: what is wrong is cut out as %q: %v %v", events, items[1].Raw, again, err)
		}
	}
}

// Ids that a form's visitor has entered join nobody, where the mapping says so.
func TestUnproven(t *testing.T) {
	for body, want := range map[string]bool{
		`{"id": 1, "email": "ana@initech.example", "form": true}`: true, `{"id": 1, "email": "ana@initech.example", "form": false}`: false,
		`{"id": 1, "email": "ana@initech.example"}`: false,
	} {
		items, err := decodeWith(t, &sender.Mapping{Facts: []sender.MappedFact{{Type: "form_submitted", ID: "event.id", Email: "event.email", Unproven: "event.form"}}}, body)
		if err != nil || len(items) != 1 || items[0].Errors != nil || items[0].Fact.Unproven != want {
			t.Errorf("%s: %+v %v", body, items, err)
		}
	}
}

// A platform's own word for something is no answer of sales, unless the source's map says so.
func TestNamesAreNoAnswers(t *testing.T) {
	m := &sender.Mapping{Facts: []sender.MappedFact{{TypeOf: "event.kind", ID: "event.id", Email: "event.email"}}}
	for kind, want := range map[string]string{"Accepted": "custom", "rejected": "custom", "event attended": "event_attended", "deal_won": "deal_won"} {
		items, err := decodeWith(t, m, `{"id": 1, "email": "ana@initech.example", "kind": "`+kind+`"}`)
		if err != nil || len(items) != 1 || items[0].Errors != nil {
			t.Fatal(err, items)
		}
		if got := items[0].Fact.Event.Type; got != want {
			t.Errorf("%s: %s, want %s", kind, got, want)
		}
	}
}
