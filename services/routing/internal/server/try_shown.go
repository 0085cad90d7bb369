package server

import (
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	routingv1 "github.com/batonhq/baton/proto/baton/routing/v1"
	"github.com/batonhq/baton/services/routing/internal/core"
	"github.com/batonhq/baton/services/routing/internal/dryrun"
	"github.com/batonhq/baton/services/routing/internal/fold"
	"github.com/batonhq/baton/services/routing/internal/state"
)

func trialShown(asked string, t *dryrun.Trial, r *dryrun.Result) *routingv1.RoutingTrial {
	out := &routingv1.RoutingTrial{
		Asked: asked, LeadId: t.Lead, HandoffId: r.HandoffID, At: moment(t.At), Outcome: r.Outcome, Account: accountTried(t, r),
		Preferred: state.Preferences(r.Target.Prefer), Pool: r.Target.Pool, Needs: state.Needs(r.Target.Needs), Language: r.Target.Language,
		HeldUntil: moment(r.HeldUntil), HeldBecause: r.HeldBecause, AcceptBy: moment(r.AcceptBy), ContactBy: moment(r.ContactBy),
	}
	for _, route := range r.Routes {
		out.Routes = append(out.Routes, &routingv1.RouteTrial{
			Route: route.Route, Outcome: route.Outcome, Expression: route.Expression, Absent: route.Absent, Failed: route.Failed,
			Named: state.Preferences(route.Named), Territory: route.Territory, Pool: route.Pool,
		})
	}
	switch {
	case r.Assigned != nil:
		out.Rep, out.ByRoute, out.ByPool, out.OverflowFrom = r.Assigned.GetRep(), r.Route, r.Assigned.GetPool(), r.Assigned.GetOverflowFrom()
		out.Considered, out.AssignedAt = r.Assigned.GetConsidered(), moment(r.AssignedAt)
	case r.Waiting != nil:
		out.ByPool, out.Considered, out.WaitingUntil = r.Waiting.GetPool(), r.Waiting.GetConsidered(), r.Waiting.GetUntil()
	}
	return out
}

// accountTried shows the account of a lead, and what else speaks for it or for another one: each thing that is known of where the
// lead works is matched by itself, too.
func accountTried(t *dryrun.Trial, r *dryrun.Result) *routingv1.AccountTrial {
	m := r.Match
	out := &routingv1.AccountTrial{
		Id: m.ID, Name: m.Name, Domain: m.Domain, By: m.By, Confidence: m.Confidence, Listed: m.Listed != nil, Owner: r.Facts.Account.Owner,
	}
	lead := t.Qualified.GetLead()
	for _, alone := range []*journalv1.LeadSnapshot{
		{Email: lead.GetEmail()}, {AccountDomain: lead.GetAccountDomain()}, {AccountName: lead.GetAccountName()},
	} {
		_, match := fold.MatchFacts(t.Globals.Directory, t.Key, &journalv1.Qualified{Lead: alone})
		e := &routingv1.AccountEvidence{By: match.By, Account: match.ID, Name: match.Name, Confidence: match.Confidence}
		switch {
		case match.By == core.ByNone || match.ID == "" || match.ID == m.ID && match.By == m.By:
		case match.ID == m.ID:
			out.Support = append(out.Support, e)
		case out.Second == nil || e.GetConfidence() > out.GetSecond().GetConfidence():
			out.Second = e
		}
	}
	return out
}
