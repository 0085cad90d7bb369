package fold

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/batonhq/baton/pkg/identity"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
)

func called(lead string, at time.Time) *journalv1.Event {
	return &journalv1.Event{Id: "call", Entity: lead, Type: typeCallLogged, Source: "phone", OccurredAt: timestamppb.New(at),
		Payload: &journalv1.Event_CallLogged{CallLogged: &journalv1.CallLogged{}}}
}

func qualified(lead string, epoch int32, rule, grade string, fit, engagement float64) *journalv1.Event {
	return &journalv1.Event{Entity: lead, Type: typeQualified, Payload: &journalv1.Event_Qualified{Qualified: &journalv1.Qualified{
		Epoch: epoch, HandoffId: identity.Handoff(lead, epoch), Rule: rule, AgreementVersion: 3,
		Score: &journalv1.ScoreSnapshot{Fit: fit, Grade: grade, Engagement: engagement, Contributions: []*journalv1.Contribution{
			{Side: "engagement", Rule: "ebook", Points: 9.5}, {Side: "fit", Rule: "senior", Points: 40}, {Side: "engagement", Rule: "old", Points: 0},
			{Side: "engagement", Rule: "ebook", Points: 2},
		}},
		Lead: &journalv1.LeadSnapshot{Country: "se", AccountIndustry: "software", AccountEmployees: 420},
	}}}
}

func routed(lead string, epoch int32, rep string) *journalv1.Event {
	return &journalv1.Event{Entity: lead, Type: typeRouted, Payload: &journalv1.Event_Routed{Routed: &journalv1.Routed{
		HandoffId: identity.Handoff(lead, epoch), Epoch: epoch, Rep: rep, Route: "named", Account: "ac-1", Persona: "buyer", Team: "emea",
	}}}
}

func reassigned(lead string, epoch int32, to string) *journalv1.Event {
	return &journalv1.Event{Entity: lead, Type: typeReassigned, Payload: &journalv1.Event_Reassigned{Reassigned: &journalv1.Reassigned{
		HandoffId: identity.Handoff(lead, epoch), To: to,
	}}}
}

func breached(lead string, epoch int32, clock string) *journalv1.Event {
	return &journalv1.Event{Entity: lead, Type: typeSLABreached, Payload: &journalv1.Event_SlaBreached{SlaBreached: &journalv1.SlaBreached{
		HandoffId: identity.Handoff(lead, epoch), Clock: clock,
	}}}
}

// said gives an event of a CRM about a deal; d may be nil.
func said(lead, eventType, id string, at time.Time, d *journalv1.Deal) *journalv1.Event {
	ev := &journalv1.Event{Id: id, Entity: lead, Type: eventType, Source: "crm", OccurredAt: timestamppb.New(at)}
	switch eventType {
	case "deal_opened":
		ev.Payload = &journalv1.Event_DealOpened{DealOpened: d}
	case "deal_stage_changed":
		ev.Payload = &journalv1.Event_DealStageChanged{DealStageChanged: d}
	case "deal_won":
		ev.Payload = &journalv1.Event_DealWon{DealWon: d}
	case "deal_lost":
		ev.Payload = &journalv1.Event_DealLost{DealLost: d}
	case "deal_reopened":
		ev.Payload = &journalv1.Event_DealReopened{DealReopened: d}
	case "churned":
		ev.Payload = &journalv1.Event_Churned{Churned: d}
	case "renewed":
		ev.Payload = &journalv1.Event_Renewed{Renewed: d}
	}
	return ev
}

func anyDeal(t *rapid.T, lead string) *journalv1.Event {
	kinds := []string{"deal_opened", "deal_stage_changed", "deal_won", "deal_lost", "deal_reopened", "churned", "renewed"}
	d := &journalv1.Deal{
		DealId: rapid.SampledFrom([]string{"", "d1", "d2"}).Draw(t, "deal"), Stage: rapid.SampledFrom([]string{"", "demo", "offer"}).Draw(t, "deal's stage"),
		Reason: rapid.SampledFrom([]string{"", "price"}).Draw(t, "why"), Role: rapid.SampledFrom([]string{"", "user", "champion"}).Draw(t, "role"),
		Owner: rapid.SampledFrom([]string{"", "ana", "bo@us.example"}).Draw(t, "owner"),
	}
	if rapid.Bool().Draw(t, "with an amount") {
		d.Amount = &journalv1.Money{Amount: fmt.Sprint(rapid.IntRange(0, 5000).Draw(t, "amount")), Currency: rapid.SampledFrom([]string{"", "EUR", "USD"}).Draw(t, "currency")}
	}
	return said(lead, rapid.SampledFrom(kinds).Draw(t, "what of the deal"), fmt.Sprint("ev-", rapid.IntRange(0, 30).Draw(t, "id")),
		day.Add(time.Duration(rapid.IntRange(-30, 30).Draw(t, "deal's day"))*24*time.Hour), d)
}
