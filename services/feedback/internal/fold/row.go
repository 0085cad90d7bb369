package fold

import (
	"unique"

	"google.golang.org/protobuf/types/known/timestamppb"

	feedbackv1 "github.com/batonhq/baton/proto/baton/feedback/v1"
	"github.com/batonhq/baton/services/feedback/internal/core"
)

func rowToProto(r *core.Row) *feedbackv1.LeadRow {
	out := &feedbackv1.LeadRow{
		FirstAt: r.First.At, Source: r.First.Source, Channel: r.First.Channel, Campaign: r.First.Campaign,
		Highest: r.Highest, MergedInto: r.MergedInto, LeftFrom: r.LeftFrom, Cause: r.Last.Cause, N: r.Last.N,
	}
	for _, e := range r.Epochs {
		row := &feedbackv1.EpochRow{Epoch: e.Number, Current: e.Current, Ended: e.Ended, History: e.History}
		for _, s := range e.Entered {
			row.Entered = append(row.Entered, &feedbackv1.StageEntry{Stage: s.Stage, At: s.At})
		}
		out.Epochs = append(out.Epochs, row)
	}
	out.Calls = r.Calls
	for i := range r.Passes {
		out.Passes = append(out.Passes, passToProto(&r.Passes[i]))
	}
	for i := range r.Deals {
		out.Deals = append(out.Deals, statementToProto(&r.Deals[i]))
	}
	return out
}

func rowFromProto(p *feedbackv1.LeadRow) *core.Row {
	r := &core.Row{
		First:   core.Touch{At: p.GetFirstAt(), Source: intern(p.GetSource()), Channel: intern(p.GetChannel()), Campaign: intern(p.GetCampaign())},
		Highest: intern(p.GetHighest()), MergedInto: p.GetMergedInto(), LeftFrom: p.GetLeftFrom(),
		Last: core.Place{Cause: p.GetCause(), N: p.GetN()},
	}
	if n := len(p.GetEpochs()); n > 0 {
		r.Epochs = make([]core.Epoch, n)
	}
	for i, e := range p.GetEpochs() {
		entered := make([]core.Entry, len(e.GetEntered()))
		for k, s := range e.GetEntered() {
			entered[k] = core.Entry{Stage: intern(s.GetStage()), At: s.GetAt()}
		}
		r.Epochs[i] = core.Epoch{Number: e.GetEpoch(), Entered: entered, Current: intern(e.GetCurrent()), Ended: e.GetEnded(), History: e.GetHistory()}
	}
	r.Calls = p.GetCalls()
	for _, q := range p.GetPasses() {
		r.Passes = append(r.Passes, passFromProto(q))
	}
	for _, d := range p.GetDeals() {
		r.Deals = append(r.Deals, statementFromProto(d))
	}
	return r
}

func passToProto(p *core.Pass) *feedbackv1.PassRow {
	return &feedbackv1.PassRow{
		Epoch: p.Epoch, Rule: p.Rule, Version: p.Version, Grade: p.Grade, Fit: p.Fit, Engagement: p.Engagement,
		Country: p.Country, Industry: p.Industry, Employees: p.Employees, Rules: p.Rules, Rep: p.Rep, Team: p.Team, Route: p.Route,
		Persona: p.Persona, Account: p.Account, Reassigns: p.Reassigns, Flags: uint32(p.Flags), Contacted: p.Contacted, Reason: p.Reason,
	}
}

func passFromProto(p *feedbackv1.PassRow) core.Pass {
	return core.Pass{
		Epoch: p.GetEpoch(), Rule: p.GetRule(), Version: p.GetVersion(), Grade: p.GetGrade(), Fit: p.GetFit(), Engagement: p.GetEngagement(),
		Country: p.GetCountry(), Industry: p.GetIndustry(), Employees: p.GetEmployees(), Rules: p.GetRules(), Rep: p.GetRep(), Team: p.GetTeam(),
		Route: p.GetRoute(), Persona: p.GetPersona(), Account: p.GetAccount(), Reassigns: p.GetReassigns(), Flags: core.PassFlags(p.GetFlags()),
		Contacted: p.GetContacted(), Reason: p.GetReason(),
	}
}

func statementToProto(s *core.Statement) *feedbackv1.DealRow {
	d := &feedbackv1.DealRow{
		Deal: s.Deal, Kind: int32(s.Kind), At: s.At, Sequence: s.Seq, Event: s.Event, Currency: s.Currency, Stage: s.Stage, Reason: s.Reason,
		Role: s.Role, Owner: s.Owner, Team: s.Team, CreatedAt: s.Created,
	}
	if s.HasAmount {
		d.Amount = &s.Amount
	}
	return d
}

func statementFromProto(d *feedbackv1.DealRow) core.Statement {
	return core.Statement{
		Deal: d.GetDeal(), Kind: core.DealKind(d.GetKind()), At: d.GetAt(), Seq: d.GetSequence(), Event: d.GetEvent(), Amount: d.GetAmount(),
		HasAmount: d.Amount != nil, Currency: d.GetCurrency(), Stage: d.GetStage(), Reason: d.GetReason(), Role: d.GetRole(), Owner: d.GetOwner(),
		Team: d.GetTeam(), Created: d.GetCreatedAt(),
	}
}

// intern gives one copy of a string that many rows share: stages, sources, channels and campaigns are few, leads are many.
func intern(s string) string { return unique.Make(s).Value() }

func millis(t *timestamppb.Timestamp) int64 {
	if t == nil {
		return 0
	}
	return t.AsTime().UnixMilli()
}

func nanos(t *timestamppb.Timestamp) int64 {
	if t == nil {
		return 0
	}
	return t.AsTime().UnixNano()
}
