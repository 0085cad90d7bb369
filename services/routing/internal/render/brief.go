package render

import (
	"cmp"
	"context"
	"slices"

	"google.golang.org/protobuf/types/known/timestamppb"

	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/core/brief"
	"github.com/batonhq/baton/services/routing/internal/core/handoff"
	"github.com/batonhq/baton/services/routing/internal/fold"
)

// brief writes a version of a handoff's brief for a rep.
func (r *Renderer) brief(ctx context.Context, k knowledge, h *handoff.Handoff, entity string, dir *core.Directory, rep string, version int, ask people) *routingv1.Brief {
	facts, _ := fold.MatchFacts(dir, r.Key, k.q)
	lead, score := k.q.GetLead(), k.q.GetScore()
	others := r.colleagues(ctx, h, entity, dir, ask)
	in := brief.Input{
		At: k.at, Qualified: h.QualifiedAt, Rule: k.q.GetRule(), Engagement: score.GetEngagement(), Fit: score.GetFit(), Grade: score.GetGrade(),
		WasEngagement: k.was.GetEngagement(), WasGrade: k.was.GetGrade(), Engagements: int(lead.GetEngagements()), First: instant(lead.GetFirstAt()),
		Persona: dir.Persona(facts), Consent: lead.GetConsent(), Email: lead.GetEmail(), Phone: lead.GetPhone(), Language: lead.GetLanguage(),
		Country: lead.GetCountry(), Owner: brief.Rep{ID: rep}, Contacts: contacts(h, dir), Behind: k.behind,
		AccountName: cmp.Or(h.Account.Name, h.Account.Domain), MatchedBy: h.Account.By, MatchConfidence: h.Account.Confidence,
	}
	if d := dir.Rep(rep); d != nil {
		in.Owner.Zone = d.Calendar.Location
	}
	for _, c := range score.GetContributions() {
		in.Lines = append(in.Lines, brief.Line{Side: c.GetSide(), Rule: c.GetRule(), Because: c.GetBecause(), Points: c.GetPoints(), Events: c.GetEvents()})
	}
	for _, i := range lead.GetTimeline() {
		in.Timeline = append(in.Timeline, item(i))
	}
	for _, e := range lead.GetEarlierEpochs() {
		in.Earlier = append(in.Earlier, brief.Epoch{Number: int(e.GetEpoch()), Ended: e.GetEnded(), Reason: e.GetReason(), Owner: repName(dir, e.GetOwner()), At: instant(e.GetAt())})
	}
	for _, o := range others {
		in.Colleagues = append(in.Colleagues, brief.Colleague{
			Lead: o.GetLeadId(), Name: o.GetName(), Title: o.GetTitle(), Persona: o.GetPersona(), Owner: o.GetOwner(), OwnerName: o.GetOwnerName(),
		})
	}
	out := &routingv1.Brief{Consent: lead.GetConsent(), EarlierEpochs: lead.GetEarlierEpochs(), OthersAtAccount: others, Version: int32(version)}
	out.Versions = versions(&in, h, dir, version)
	if e := lead.GetEntry(); e != nil {
		i := item(e)
		in.Entry = &i
	}
	fill(out, brief.Write(in, dir), in, dir)
	return out
}

// versions tells what made each version up to the one that is asked for, and gives the brief all those changes.
func versions(in *brief.Input, h *handoff.Handoff, dir *core.Directory, version int) []*routingv1.BriefVersion {
	out := []*routingv1.BriefVersion{{Version: 1, At: stamp(h.QualifiedAt)}}
	for _, v := range h.Versions {
		if v.Number > version {
			break
		}
		told := &routingv1.BriefVersion{Version: int32(v.Number), At: stamp(v.At)}
		for _, c := range v.Because {
			change := brief.Change{What: c.What, Event: c.Event, Detail: c.Detail, Lead: c.Lead, At: c.At}
			in.Changes = append(in.Changes, change)
			if text := change.Tell(*in, dir); !slices.Contains(told.Changed, text) {
				told.Changed = append(told.Changed, text)
			}
		}
		out = append(out, told)
	}
	return out
}

// fill puts what was written into the message.
func fill(out *routingv1.Brief, b brief.Brief, in brief.Input, dir *core.Directory) {
	out.Familiarity, out.FamiliarityReason, out.JourneyStage, out.JourneyReason = b.Familiarity, b.FamiliarityBy, b.JourneyStage, b.JourneyBy
	out.Persona, out.PersonaReason, out.Came, out.Changed, out.Cautions = b.Persona, b.PersonaBy, b.Came, b.Changed, b.Cautions
	out.MissingRoles, out.Earlier, out.Language, out.WorkingTime = b.Missing, b.Earlier, b.Language, b.WorkingTime
	out.Urgency = &routingv1.Urgency{Trend: b.Urgency.Trend, Reason: b.Urgency.Reason, Lately: int32(b.Urgency.Lately), Before: int32(b.Urgency.Before)}
	out.Entry, out.LastTouch = entry(in.Entry, dir), entry(b.LastTouch, dir)
	for _, w := range b.Why {
		out.WhyNow = append(out.WhyNow, w.Text)
		out.Reasons = append(out.Reasons, &routingv1.Reason{Text: w.Text, Events: w.Events})
	}
	for _, a := range b.Actions {
		out.NextActions = append(out.NextActions, &routingv1.NextAction{What: a.What, Reason: a.Reason, Events: a.Events})
	}
	for _, i := range b.Interests {
		out.Interests = append(out.Interests, &routingv1.Interest{Topic: i.Topic, Weight: i.Weight})
	}
	for _, c := range b.Content {
		out.Content = append(out.Content, &routingv1.Content{
			Asset: c.Asset, At: timestamppb.New(c.At), Kind: c.Kind, Topic: c.Topic, Title: c.Title, Stage: c.Stage, Times: int32(c.Times), Url: c.URL,
		})
	}
	for _, t := range b.Timeline {
		out.Timeline = append(out.Timeline, &routingv1.TimelineEntry{Type: t.Type, At: timestamppb.New(t.At), Summary: t.Summary, Event: t.Event, New: t.New})
	}
	for _, c := range b.Campaigns {
		out.Campaigns = append(out.Campaigns, &routingv1.CampaignBrief{Id: c.ID, Brief: c.Brief, Name: c.Name, Channel: c.Channel})
	}
	for _, n := range b.Next {
		out.SuggestedNext = append(out.SuggestedNext, &routingv1.Suggestion{Asset: n.Asset, Reason: n.Reason, Url: n.URL, Title: n.Title, Kind: n.Kind})
	}
}

func entry(i *brief.Item, dir *core.Directory) *routingv1.Entry {
	if i == nil {
		return nil
	}
	out := &routingv1.Entry{
		Channel: i.Channel, Campaign: i.Campaign, Url: i.URL, At: stamp(i.At), Type: i.Type, Summary: brief.Summary(*i, dir), Event: i.ID,
	}
	if c := dir.Campaign(i.Campaign); c != nil {
		out.CampaignName = c.Name
	}
	return out
}

// contacts gives when reps spoke to the lead in this handoff.
func contacts(h *handoff.Handoff, dir *core.Directory) []brief.Contact {
	var out []brief.Contact
	for _, m := range h.History {
		if m.What == handoff.DoContact {
			out = append(out, brief.Contact{Rep: m.Rep, Name: repName(dir, m.Rep), At: m.At})
		}
	}
	return out
}
