package destinationtest

import (
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/destination"
)

// Noon is the moment that the jobs tell of.
func Noon() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }

// Payload gives a handoff as it is told of, owned by ana@us.example.
func Payload(handoff, email string) *routingv1.Payload {
	at := timestamppb.New(Noon())
	first, _, _ := strings.Cut(email, "@")
	return &routingv1.Payload{
		HandoffId: handoff, Stage: "routed", Epoch: 1,
		Lead: &routingv1.PayloadLead{
			Id: "ld_" + strings.TrimPrefix(handoff, "ho_"), Email: email, FirstName: first, LastName: "Lind", Title: "VP Engineering", Country: "SE", Phone: "+46 8 123 456",
			ExternalIds: map[string]string{"crm": "77"},
		},
		Account: &routingv1.AccountRef{Id: "ac-1", Name: "Initech", Domain: "initech.example", Match: &routingv1.AccountMatch{By: "email-domain", Confidence: 1}},
		Owner:   &routingv1.Owner{Id: "ana", Name: "Ana", Email: "ana@us.example", Team: "emea", Chosen: &routingv1.Chosen{Route: "named", Pool: "emea-smb"}},
		Score: &journalv1.ScoreSnapshot{Fit: 80, Grade: "a", Engagement: 21.4, AgreementVersion: 3, Contributions: []*journalv1.Contribution{
			{Side: "engagement", Rule: "ebook", Points: 9.7, Because: "asked for something of worth", Events: []string{"evt-1"}},
		}},
		Brief: &routingv1.Brief{
			WhyNow: []string{"Asked for a demo.", "Read the prices twice."}, Familiarity: "familiar", JourneyStage: "decision", Persona: "economic-buyer",
			Entry:     &routingv1.Entry{Channel: "email", Campaign: "q4-launch", Url: "https://www.us.example/demo", At: at},
			Interests: []*routingv1.Interest{{Topic: "pricing", Weight: 0.6}},
			Consent:   map[string]string{"email": "granted"},
		},
		Sla: &routingv1.Sla{AcceptBy: timestamppb.New(Noon().Add(4 * time.Hour)), ContactBy: timestamppb.New(Noon().Add(28 * time.Hour))},
	}
}

// Routed gives the delivery that hands a lead over.
func Routed(handoff, email string) *destination.Job {
	return OfHandoff("handoff.routed", handoff, email, nil)
}

// OfHandoff gives a delivery about a handoff; change may alter what is told.
func OfHandoff(event, handoff, email string, change func(*routingv1.Payload)) *destination.Job {
	p := Payload(handoff, email)
	if change != nil {
		change(p)
	}
	return &destination.Job{
		ID: "msg_" + strings.ReplaceAll(event, ".", "-") + "_" + handoff, Event: event, Entity: p.GetLead().GetId(), Handoff: handoff, DueAt: Noon(),
		Payload: p, Body: []byte(`{"type":"` + event + `"}`),
	}
}

// Moved gives the delivery that says that a lead went from one stage to another.
func Moved(handoff, email, from, to string) *destination.Job {
	p := Payload(handoff, email)
	return &destination.Job{
		ID: "msg_" + from + "-" + to + "_" + handoff, Event: "lead.stage_changed", Entity: p.GetLead().GetId(), Handoff: handoff, DueAt: Noon(),
		Lead: &routingv1.LeadEvent{Lead: p.GetLead(), From: from, To: to, Epoch: 1, HandoffId: handoff, At: timestamppb.New(Noon()), Consent: map[string]string{"email": "granted"}},
		Body: []byte(`{"type":"lead.stage_changed"}`),
	}
}

// Life gives what is told of one handoff, in order.
func Life(handoff, email string) []*destination.Job {
	return []*destination.Job{
		OfHandoff("handoff.routed", handoff, email, nil),
		Moved(handoff, email, "mql", "routed"),
		OfHandoff("sla.breached", handoff, email, func(p *routingv1.Payload) {
			p.Breach = &routingv1.Breach{Clock: "accept", Rep: "ana", Due: timestamppb.New(Noon())}
		}),
		OfHandoff("handoff.reassigned", handoff, email, func(p *routingv1.Payload) {
			p.Owner = &routingv1.Owner{Id: "bo", Name: "Bo", Email: "bo@us.example", Team: "emea"}
			p.PreviousOwner, p.Reason = "ana", "sla"
		}),
		Moved(handoff, email, "routed", "accepted"),
		OfHandoff("handoff.recalled", handoff, email, func(p *routingv1.Payload) { p.Stage, p.Reason = "recalled", "merged" }),
		Moved(handoff, email, "accepted", "recycled"),
	}
}
