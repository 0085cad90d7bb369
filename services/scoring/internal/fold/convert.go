package fold

import (
	"maps"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/scoring/internal/core"
	"github.com/batonhq/baton/services/scoring/internal/state"
)

// farFuture bounds times, so that differences of any two can be computed: the year 2116.
const farFuture = 1 << 62

func nanos(t *timestamppb.Timestamp) int64 {
	if t == nil {
		return 0
	}
	return bounded(t.GetSeconds(), int64(t.GetNanos()))
}

func bounded(seconds, nanos int64) int64 {
	switch {
	case seconds < 0:
		return 0
	case seconds > farFuture/1_000_000_000-2:
		return farFuture
	}
	return seconds*1_000_000_000 + min(max(nanos, 0), 999_999_999)
}

// convert gives an event as the rules read it. It copies nothing that it can share.
func convert(ev *journal.Event) *core.Event {
	b := ev.Body
	now := bounded(ev.Logged.Unix(), int64(ev.Logged.Nanosecond()))
	if b.ReceivedAt != nil {
		now = nanos(b.ReceivedAt)
	}
	at := now
	if b.OccurredAt != nil {
		at = nanos(b.OccurredAt)
	}
	t := b.GetTouch()
	e := &core.Event{
		ID: b.Id, Source: b.Source, Type: ev.Type, Name: nameOf(b), At: at, Now: now, Automated: b.Automated, AutomatedBecause: b.AutomatedBecause, History: b.History, Fact: ev.Origin != nil,
		Channel: t.GetChannel(), Campaign: t.GetCampaign(), Asset: t.GetAsset(), URL: t.GetUrl(), Referrer: t.GetReferrer(),
		Title: b.GetPageViewed().GetTitle(), Message: messageOf(b), Raw: b,
	}
	if o := ev.Origin; o != nil && o.Producer == Service && o.Entity != ev.Entity {
		switch ev.Type {
		case "linked", "absorbed", "account_rated", "split_off", "knowledge_asked": // said by one lead to another
		default:
			e.Passed = true
		}
	}
	if id := b.Identity; id != nil {
		e.Email, e.UserID, e.AnonymousID = id.Email, id.UserId, id.AnonymousId
		for system, value := range id.ExternalIds {
			e.Known = append(e.Known, core.Value{Name: core.ExternalPrefix + system, Value: value})
		}
	}
	if b.Traits != nil || b.Account != nil {
		e.Known = append(e.Known, known(b.Traits, b.Account)...)
	}
	payload(e, ev)
	return e
}

// nameOf gives what a brief calls the event beyond its type.
func nameOf(b *journalv1.Event) string {
	if b.Name != "" {
		return b.Name
	}
	switch p := b.Payload.(type) {
	case *journalv1.Event_FormSubmitted:
		return p.FormSubmitted.GetForm()
	case *journalv1.Event_EventRegistered:
		return p.EventRegistered.GetEvent()
	case *journalv1.Event_EventAttended:
		return p.EventAttended.GetEvent()
	case *journalv1.Event_ProductUsed:
		return p.ProductUsed.GetFeature()
	case *journalv1.Event_TrialStarted:
		return p.TrialStarted.GetPlan()
	case *journalv1.Event_SocialEngaged:
		return p.SocialEngaged.GetNetwork()
	}
	return ""
}

// messageOf gives what the sender calls the message that a mail event is about.
func messageOf(b *journalv1.Event) string {
	switch p := b.Payload.(type) {
	case *journalv1.Event_EmailSent:
		return p.EmailSent.GetEmailId()
	case *journalv1.Event_EmailDelivered:
		return p.EmailDelivered.GetEmailId()
	case *journalv1.Event_EmailOpened:
		return p.EmailOpened.GetEmailId()
	case *journalv1.Event_EmailClicked:
		return p.EmailClicked.GetEmailId()
	}
	return ""
}

func known(t *journalv1.Traits, a *journalv1.Account) []core.Value {
	var out []core.Value
	put := func(name string, v *string) {
		if v != nil && *v != "" {
			out = append(out, core.Value{Name: name, Value: *v})
		}
	}
	if t != nil {
		put("first_name", t.FirstName)
		put("last_name", t.LastName)
		put("title", t.Title)
		put("country", t.Country)
		put("phone", t.Phone)
		put("company", t.Company)
		put("language", t.Language)
		out = address(out, "", t.Street, t.City, t.PostalCode, t.State)
		out = others(out, core.OtherPrefix, t.Other)
	}
	if a != nil {
		put(core.AccountPrefix+"name", a.Name)
		put(core.AccountPrefix+"domain", a.Domain)
		put(core.AccountPrefix+"industry", a.Industry)
		put(core.AccountPrefix+"country", a.Country)
		if a.Employees != nil {
			out = append(out, core.Value{Name: core.AccountPrefix + "employees", Value: strconv.Itoa(int(*a.Employees))})
		}
		out = address(out, core.AccountPrefix, a.Street, a.City, a.PostalCode, a.State)
		out = others(out, core.AccountOtherPrefix, a.Other)
	}
	return out
}

// address gives where somebody is. It is one thing: a part that is not given any more is unknown, or else the parts of two addresses would
// make a third one.
func address(out []core.Value, prefix string, street, city, postalCode, state *string) []core.Value {
	if street == nil && city == nil && postalCode == nil && state == nil {
		return out
	}
	for i, v := range [...]*string{street, city, postalCode, state} {
		value := ""
		if v != nil {
			value = *v
		}
		out = append(out, core.Value{Name: prefix + addressFields()[i], Value: value})
	}
	return out
}

// addressFields are the names of the parts in a profile.
func addressFields() [4]string { return [4]string{"street", "city", "postal_code", "state"} }

// others gives a sender's own fields, each encoded by itself. A null says that the sender knows nothing any more.
func others(out []core.Value, prefix string, s *structpb.Struct) []core.Value {
	for name, v := range s.GetFields() {
		encoded := ""
		if _, null := v.GetKind().(*structpb.Value_NullValue); !null {
			b, err := proto.MarshalOptions{Deterministic: true}.Marshal(v)
			if err != nil {
				continue
			}
			encoded = string(b)
		}
		out = append(out, core.Value{Name: prefix + name, Value: encoded})
	}
	return out
}

// payload sets the members of an event that belong to its type.
func payload(e *core.Event, ev *journal.Event) {
	switch p := ev.Body.Payload.(type) {
	case *journalv1.Event_ConsentChanged:
		for _, purpose := range slices.Sorted(maps.Keys(p.ConsentChanged.GetPurposes())) {
			e.Purposes = append(e.Purposes, core.Purpose{Purpose: purpose, Decision: p.ConsentChanged.Purposes[purpose]})
		}
	case *journalv1.Event_DealOpened:
		e.Deal = dealOf(p.DealOpened)
	case *journalv1.Event_DealStageChanged:
		e.Deal = dealOf(p.DealStageChanged)
	case *journalv1.Event_DealWon:
		e.Deal = dealOf(p.DealWon)
	case *journalv1.Event_DealLost:
		e.Deal = dealOf(p.DealLost)
	case *journalv1.Event_DealReopened:
		e.Deal = dealOf(p.DealReopened)
	case *journalv1.Event_Linked:
		to := p.Linked.GetTo()
		if identity.RankOf(to) != 0 && identity.Safe(to) {
			e.Link = &core.Link{
				To: to, Stronger: identity.Stronger(to, ev.Entity), Lasting: identity.RankOf(to).Lasting(), Peer: peers(to, ev.Entity),
				Unproven: p.Linked.GetUnproven(), Joined: p.Linked.GetJoined(),
			}
			e.Link.Event, e.Link.Source = carriedBy(ev)
		}
	case *journalv1.Event_Absorbed:
		e.Part, e.PartNo, e.Parts = part(p.Absorbed), int(p.Absorbed.GetChunk()), int(p.Absorbed.GetChunks())
		e.Answers = p.Absorbed.GetAnswers()
	case *journalv1.Event_MergedInto:
		e.Merged = p.MergedInto.GetInto()
		e.Joined = core.Joined{At: e.Now, Event: p.MergedInto.GetByEvent(), Source: p.MergedInto.GetBySource()}
	case *journalv1.Event_SplitRequested:
		if r := p.SplitRequested; ev.Origin == nil {
			e.Split = &core.SplitRequest{From: r.GetLead(), By: r.GetBy(), Because: r.GetBecause()}
		}
	case *journalv1.Event_Accepted, *journalv1.Event_Rejected, *journalv1.Event_Contacted, *journalv1.Event_Recycled, *journalv1.Event_Disqualified, *journalv1.Event_Sql,
		*journalv1.Event_ReassignRequested, *journalv1.Event_PauseRequested, *journalv1.Event_ResumeRequested:
		e.About = aboutHandoff(ev.Body)
	case *journalv1.Event_TimerFired:
		e.Timer, _ = journal.FiredTimer(Service, ev)
	default:
		decided(e, ev)
	}
}

// decided sets the members that belong to scoring's and routing's facts. From anybody else they mean nothing.
func decided(e *core.Event, ev *journal.Event) {
	if ev.Origin == nil {
		return
	}
	switch p := ev.Body.Payload.(type) {
	case *journalv1.Event_SplitOff:
		if ev.Origin.Producer == Service {
			e.Left = leftOf(p.SplitOff)
		}
	case *journalv1.Event_KnowledgeAsked:
		if ev.Origin.Producer == Service {
			e.Asked = &core.Question{By: ev.Origin.Entity, Number: p.KnowledgeAsked.GetNumber()}
		}
	case *journalv1.Event_StageChanged:
		s := p.StageChanged
		e.Moved = &core.StageMove{
			From: s.GetFrom(), To: s.GetTo(), Reason: s.GetReason(), Handoff: s.GetHandoffId(), Highest: s.GetHighest(), Epoch: s.GetEpoch(),
			At: nanos(s.GetAt()), Now: e.Now,
		}
	case *journalv1.Event_ScoreBandChanged:
		e.Band = &core.BandChange{From: p.ScoreBandChanged.GetFrom(), To: p.ScoreBandChanged.GetTo()}
	case *journalv1.Event_ShadowQualified:
		e.Shadow = &core.ShadowQualification{Epoch: p.ShadowQualified.GetEpoch(), Version: p.ShadowQualified.GetAgreementVersion(), Rule: p.ShadowQualified.GetRule()}
	case *journalv1.Event_AccountRated:
		if ev.Origin.Producer == Service {
			e.Rated = ratingOf(p.AccountRated)
		}
	case *journalv1.Event_Routed:
		e.Handed = &core.HandedOver{Handoff: p.Routed.GetHandoffId(), Rep: p.Routed.GetRep(), Account: p.Routed.GetAccount(), Reason: p.Routed.GetRoute()}
	case *journalv1.Event_Reassigned:
		e.Handed = &core.HandedOver{Handoff: p.Reassigned.GetHandoffId(), Rep: p.Reassigned.GetTo(), Reason: p.Reassigned.GetReason()}
	case *journalv1.Event_Recalled:
		e.Handed = &core.HandedOver{Handoff: p.Recalled.GetHandoffId(), Reason: p.Recalled.GetReason(), Recalled: true}
	case *journalv1.Event_Answered:
		if a := p.Answered; a.GetOk() {
			e.Answered = &core.Answer{
				Handoff: a.GetHandoffId(), Disposition: a.GetDisposition(), Stage: a.GetStage(), Reason: a.GetReason(),
				WakeAt: nanos(a.GetWakeAt()), WakeOn: a.GetWakeOn(),
			}
		}
	}
}

func dealOf(d *journalv1.Deal) *core.DealFact {
	return &core.DealFact{ID: d.GetDealId(), Amount: d.GetAmount().GetAmount(), Currency: d.GetAmount().GetCurrency(), Reason: d.GetReason()}
}

// part reads what an absorbed lead sent. One that cannot be read is a part without content: the lead is absorbed all the same.
func part(a *journalv1.Absorbed) *core.Lead {
	lead, _, err := state.Decode(a.GetItems())
	if err != nil {
		lead = &core.Lead{}
	}
	lead.ID = a.GetFrom()
	return lead
}
