package e2e

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Event is an event in Baton's own form.
type Event struct {
	ID         string         `json:"id"`
	Type       string         `json:"type"`
	Name       string         `json:"name,omitempty"`
	OccurredAt *time.Time     `json:"occurred_at,omitempty"`
	Lead       Who            `json:"lead"`
	Traits     map[string]any `json:"traits,omitempty"`
	Account    map[string]any `json:"account,omitempty"`
	Properties map[string]any `json:"properties,omitempty"`
}

// Who is whom an event is about.
type Who struct {
	Email       string            `json:"email,omitempty"`
	UserID      string            `json:"user_id,omitempty"`
	AnonymousID string            `json:"anonymous_id,omitempty"`
	ExternalIDs map[string]string `json:"external_ids,omitempty"`
}

// At gives the event as having happened some time ago.
func (e Event) At(ago time.Duration) Event {
	at := time.Now().Add(-ago).UTC().Truncate(time.Millisecond)
	e.OccurredAt = &at
	return e
}

// By gives the event as another person's.
func (e Event) By(w Who) Event {
	e.Lead = w
	return e
}

func email(who string) Who { return Who{Email: who} }

func visit(id, who, url string) Event {
	return Event{ID: id, Type: "page_viewed", Lead: email(who), Properties: map[string]any{"url": url}}
}

func download(id, who, asset string) Event {
	return Event{ID: id, Type: "asset_downloaded", Lead: email(who),
		Properties: map[string]any{"asset": asset, "channel": "email", "campaign": "q4-launch", "url": "https://www.example/" + asset}}
}

func demo(id, who string) Event { return Event{ID: id, Type: "demo_requested", Lead: email(who)} }

// buyer tells what makes a lead a good fit: a title and a large company.
func buyer(id, who, domain string) Event {
	return Event{ID: id, Type: "identified", Lead: email(who),
		Traits:  map[string]any{"first_name": "Vera", "last_name": "Berg", "title": "VP Engineering", "country": "SE"},
		Account: map[string]any{"name": "Company of " + domain, "domain": domain, "employees": 420, "industry": "software"}}
}

// ready is a lead that qualifies at once: a buyer who asks for a demo.
func ready(id, who, domain string) []Event {
	return []Event{buyer(id+"-who", who, domain), demo(id+"-demo", who)}
}

// stream makes events of a crowd of leads, the same for the same seed: anonymous visits that turn into people, people who
// read, download and ask, and a few deals. Every id is different.
type stream struct {
	rnd   *rand.Rand
	name  string
	leads int
	n     int
}

func newStream(seed uint64, name string, leads int) *stream {
	return &stream{rnd: rand.New(rand.NewPCG(seed, 7)), name: name, leads: leads}
}

func (s *stream) person(i int) string {
	return fmt.Sprintf("p%d@%s-%d.example", i, s.name, i%(s.leads/5+1))
}

// next gives the next event.
func (s *stream) next() Event {
	i := s.rnd.IntN(s.leads)
	id := fmt.Sprintf("%s-%d", s.name, s.n)
	s.n++
	who, device := s.person(i), fmt.Sprintf("%s-device-%d", s.name, i)
	switch k := s.rnd.IntN(100); {
	case k < 25:
		return visit(id, "", "https://www.example/docs").By(Who{AnonymousID: device})
	case k < 35:
		return visit(id, "", "https://www.example/pricing").By(Who{Email: who, AnonymousID: device})
	case k < 45:
		return buyer(id, who, fmt.Sprintf("%s-%d.example", s.name, i%(s.leads/5+1))).By(Who{Email: who, UserID: fmt.Sprintf("%s-user-%d", s.name, i)})
	case k < 55:
		return visit(id, "", "https://www.example/app").By(Who{UserID: fmt.Sprintf("%s-user-%d", s.name, i)})
	case k < 70:
		return visit(id, who, "https://www.example/pricing/enterprise")
	case k < 85:
		return download(id, who, "pricing-guide")
	case k < 92:
		return Event{ID: id, Type: "event_attended", Lead: email(who), Properties: map[string]any{"event": "webinar"}}
	case k < 97:
		return demo(id, who)
	case k < 98:
		return Event{ID: id, Type: "email_unsubscribed", Lead: email(who)}
	default:
		return Event{ID: id, Type: "deal_won", Lead: email(who), Properties: map[string]any{"deal_id": "deal-" + id, "amount": "1200.50", "currency": "EUR"}}
	}
}
