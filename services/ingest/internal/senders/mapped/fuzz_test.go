package mapped

import (
	"testing"

	"github.com/batonhq/baton/services/ingest/internal/fact"
	"github.com/batonhq/baton/services/ingest/internal/sender"
	"github.com/batonhq/baton/services/ingest/internal/senders/sendertest"
)

// FuzzDecode maps whatever comes in.
func FuzzDecode(f *testing.F) {
	v := vendor()
	within := v.New(f, secret)
	v.Config.Mapping.Events = ""
	bare := v.New(f, secret)
	for _, body := range append(append(v.Again, v.Alike...), v.Unknown...) {
		f.Add(body, "t-9")
	}
	f.Add(v.Body, "")
	f.Add([]byte(`{"kind":"attended","id":1e39,"at":-1e14,"attendee":{"name":" ","email":"a@b.example","company":{"size":-0}},"bot":"x","seconds":1e308}`), "\x00")
	f.Fuzz(func(t *testing.T, body []byte, tenant string) {
		if len(body) > 1<<16 {
			return
		}
		for _, s := range []sender.Sender{within, bare} {
			sendertest.Check(t, s, &sender.Delivery{Body: body, Header: map[string]string{"x-tenant": tenant}, Received: fact.At(sendertest.Now())})
		}
	})
}

// FuzzNew takes any expression or refuses it, and what it takes does no harm to any event.
func FuzzNew(f *testing.F) {
	for _, seed := range []string{
		"event.a", "event.a + event.a", "event.?a.orValue(1)", "[1,2].map(x, x * event.n)", `event["a"][0].b.lower()`, "body == event && header == header",
		`event.t.matches("^(a+)+$")`, "event.all(k, event[k] == event)", "timestamp(event.t)", "1/0", "event.n / 0", "duration(event.t)", "type(event)",
		`event.l.filter(x, x in event.l)`, "size(event) > 3 ? event.l : event", "bytes(event.t)", "[[[event]]]", "dyn(9223372036854775807)", "0.0/0.0", "optional.of(event)",
	} {
		f.Add(seed, []byte(`{"id":1,"email":"ana@initech.example","a":[{"b":"X"}],"l":[1,[2],{"x":null}],"n":0,"t":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"}`))
	}
	f.Fuzz(func(t *testing.T, expression string, body []byte) {
		if len(body) > 1<<14 || expression == "" {
			return
		}
		one := map[string]string{"x": expression}
		for _, m := range []sender.MappedFact{
			{When: expression, Type: "form_submitted", ID: "event.id", Email: "event.email"},
			{
				Type: "form_submitted", ID: "event.id", Email: "event.email", OccurredAt: expression, Automated: expression, UserID: expression,
				Traits: one, Account: one, Properties: one, ExternalIDs: one,
			},
			{TypeOf: expression, ID: expression, Email: expression, AnonymousID: "event.id", Account: map[string]string{"employees": expression, "domain": expression}},
		} {
			s, err := New(sender.Config{
				Name: "s", Secrets: []string{secret}, Mapping: &sender.Mapping{Facts: []sender.MappedFact{m}}, MaxEvent: 1 << 16, MaxEvents: 100,
			})
			if err != nil {
				continue
			}
			sendertest.Check(t, s, &sender.Delivery{Body: body, Received: fact.At(sendertest.Now())})
		}
	})
}

// BenchmarkDecode tells what one event of a mapping costs.
func BenchmarkDecode(b *testing.B) {
	v := vendor()
	s := v.New(b, secret)
	d := &sender.Delivery{Body: v.Body, Header: map[string]string{"x-tenant": "t-9"}, Received: fact.At(sendertest.Now())}
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Decode(d, func(sender.Item) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
