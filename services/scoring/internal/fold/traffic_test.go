package fold_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/fold"
)

// What accounts cost the log. The traffic is that of a company that sells to companies: over a quarter, 25 events a lead, three
// of ten leads are known by name and employer (the others are devices), most employers have one or two of them and one in
// ten a whole committee; most of what people do is reading pages and mails that no rule gives points for. Where every lead
// is known with its employer, it costs about 0.15 facts an event.
func TestAccountsCostTheLogLittle(t *testing.T) {
	if cost := accountFacts(t, 30); cost >= 0.05 {
		t.Errorf("%.4f facts an event, must stay below 0.05", cost)
	}
	if cost := accountFacts(t, 100); cost >= 0.2 {
		t.Errorf("%.4f facts an event where every lead has an employer, must stay below 0.2", cost)
	}
	if cost := accountFacts(t, 0); cost != 0 {
		t.Errorf("%.4f facts an event where no lead has one", cost)
	}
}

// accountFacts gives how many facts an event cost, percent of the leads being known with their employers.
func accountFacts(t *testing.T, percent int) float64 {
	t.Helper()
	w := newWorld(t, exampleAgreement)
	rnd := rand.New(rand.NewPCG(1, 2))
	const leads, each = 400, 25
	type visitor struct{ id, domain string }
	var people []visitor
	for i := 0; len(people) < leads*percent/100; i++ {
		n := 1 + rnd.IntN(2)
		if i%10 == 9 {
			n = 3 + rnd.IntN(6)
		}
		for k := range n {
			domain := fmt.Sprintf("company%d.example", i)
			people = append(people, visitor{key.Lead(identity.Email, "", fmt.Sprintf("p%d@%s", k, domain)), domain})
		}
	}
	people = people[:leads*percent/100]
	for i := len(people); i < leads; i++ {
		people = append(people, visitor{id: key.Lead(identity.Anonymous, "", fmt.Sprint(i))})
	}
	for n := range leads * each {
		w.Advance(start.Add(time.Duration(n) * 90 * day / (leads * each)))
		p := people[rnd.IntN(leads)]
		e := &journalv1.Event{Id: fmt.Sprint(n), Source: "site", Entity: p.id, Type: "page_viewed", OccurredAt: timestamppb.New(w.Now)}
		switch x := rnd.IntN(100); {
		case x < 8:
			url("https://us.example/pricing")(e)
		case x < 60:
			url("https://us.example/blog")(e)
		case x < 90:
			e.Type = "email_opened"
		case x < 93:
			e.Type = "asset_downloaded"
		case x < 94 && rnd.IntN(4) == 0:
			e.Type = "event_attended"
		}
		if p.domain != "" {
			e.Account = &journalv1.Account{Domain: proto.String(p.domain)}
		}
		w.Append(e)
	}
	events := float64(leads * each)
	engaged, rated := float64(len(w.Facts("account_engaged"))), float64(len(w.Facts("account_rated")))
	applied, _ := w.Outcomes(fold.Service)
	t.Logf("%d %% of the leads with an employer; for each event: %.4f account_engaged, %.4f account_rated, %.4f timers of all kinds", percent, engaged/events, rated/events, (float64(applied)-events)/events)
	return (engaged + rated) / events
}
