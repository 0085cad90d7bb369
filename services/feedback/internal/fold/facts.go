package fold

import (
	"hash/fnv"
	"math"
	"strings"

	"github.com/batonhq/baton/pkg/identity"
	"github.com/batonhq/baton/pkg/journal"
	journalv1 "github.com/batonhq/baton/proto/baton/journal/v1"
	"github.com/batonhq/baton/services/feedback/internal/core"
	"github.com/batonhq/baton/services/feedback/internal/core/money"
)

// The events beside the moves that rows are made of. Deals and calls are inputs: what reaches a lead that has merged stands on
// its own subject, and is counted with the lead that carries on.
const (
	typeQualified   = "qualified"
	typeRouted      = "routed"
	typeReassigned  = "reassigned"
	typeSLABreached = "sla_breached"
	typeCallLogged  = "call_logged"
)

// maxText bounds what is kept of a source's own words, in bytes.
const maxText = 200

// dealKind gives what an event says of a deal, 0 for other events.
func dealKind(eventType string) core.DealKind {
	switch eventType {
	case "deal_opened":
		return core.DealOpened
	case "deal_stage_changed":
		return core.DealStaged
	case "deal_won":
		return core.DealWon
	case "deal_lost":
		return core.DealLost
	case "deal_reopened":
		return core.DealReopened
	case "churned":
		return core.DealChurned
	case "renewed":
		return core.DealRenewed
	}
	return 0
}

func deal(ev *journalv1.Event) *journalv1.Deal {
	switch p := ev.GetPayload().(type) {
	case *journalv1.Event_DealOpened:
		return p.DealOpened
	case *journalv1.Event_DealStageChanged:
		return p.DealStageChanged
	case *journalv1.Event_DealWon:
		return p.DealWon
	case *journalv1.Event_DealLost:
		return p.DealLost
	case *journalv1.Event_DealReopened:
		return p.DealReopened
	case *journalv1.Event_Churned:
		return p.Churned
	case *journalv1.Event_Renewed:
		return p.Renewed
	}
	return nil
}

// facts folds what is known of a lead beside its moves.
func (l *Lead) facts(g *Globals, ev *journal.Event) journal.Outcome {
	switch ev.Type {
	case typeCallLogged:
		if !ev.Body.GetAutomated() {
			l.row.Call(ev.OccurredAt().UnixMilli())
		}
	case typeQualified:
		l.qualified(ev.Body.GetQualified())
	case typeRouted:
		l.routed(g, ev.Body.GetRouted())
	case typeReassigned:
		if r := ev.Body.GetReassigned(); r.GetTo() != "" {
			if p := l.passOf(r.GetHandoffId()); p != nil {
				p.Rep, p.Team = g.rep(r.GetTo())
				p.Reassigns++
			}
		}
	case typeSLABreached:
		if p := l.passOf(ev.Body.GetSlaBreached().GetHandoffId()); p != nil {
			switch ev.Body.GetSlaBreached().GetClock() {
			case "accept":
				p.Flags |= core.AcceptBreached
			case "contact":
				p.Flags |= core.ContactBreached
			}
		}
	case typeAnswered:
		l.answered(ev)
	default:
		return l.said(g, ev)
	}
	return journal.Applied
}

// passOf gives the pass of a handoff, nil for what is no handoff.
func (l *Lead) passOf(handoff string) *core.Pass {
	_, epoch, ok := identity.LeadOfHandoff(handoff)
	if !ok {
		return nil
	}
	return l.row.Pass(epoch)
}

func (l *Lead) qualified(q *journalv1.Qualified) {
	if q.GetEpoch() < 1 || q.GetRule() == "" {
		return
	}
	s, who := q.GetScore(), q.GetLead()
	p := l.row.Pass(q.GetEpoch())
	p.Rule, p.Version, p.Grade = q.GetRule(), q.GetAgreementVersion(), s.GetGrade()
	p.Fit, p.Engagement = whole(s.GetFit()), whole(s.GetEngagement())
	p.Country, p.Industry, p.Employees = strings.ToUpper(clip(who.GetCountry())), clip(who.GetAccountIndustry()), who.GetAccountEmployees()
	p.Rules = nil
	for _, c := range s.GetContributions() {
		if c.GetRule() != "" && c.GetPoints() != 0 {
			p.Rules = add(p.Rules, c.GetRule())
		}
	}
}

func (l *Lead) routed(g *Globals, r *journalv1.Routed) {
	if r.GetEpoch() < 1 || r.GetRep() == "" {
		return
	}
	p := l.row.Pass(r.GetEpoch())
	p.Rep, p.Team = g.rep(r.GetRep())
	if r.GetTeam() != "" {
		p.Team = r.GetTeam()
	}
	p.Route, p.Account, p.Persona = r.GetRoute(), r.GetAccount(), r.GetPersona()
}

func (l *Lead) answered(ev *journal.Event) {
	a := ev.Body.GetAnswered()
	if !a.GetOk() {
		return
	}
	p := l.passOf(a.GetHandoffId())
	if p == nil {
		return
	}
	switch core.Disposition(a.GetDisposition()) {
	case core.Contact:
		if at := ev.OccurredAt().UnixMilli(); p.Contacted == 0 || at < p.Contacted {
			p.Contacted = at
		}
	case core.Reject:
		p.Flags |= core.Rejected
		p.Flags &^= core.Fixable
		if a.GetStage() == core.Recycled {
			p.Flags |= core.Fixable
		}
		p.Reason = clip(a.GetReason())
	case core.Recycle, core.Disqualify:
		p.Reason = clip(a.GetReason())
	}
}

// said folds what was said of a deal.
func (l *Lead) said(g *Globals, ev *journal.Event) journal.Outcome {
	kind, d := dealKind(ev.Type), deal(ev.Body)
	if kind == 0 || ev.Body.GetSource() == "" {
		return journal.Applied
	}
	id := clip(d.GetDealId())
	if id == "" { // one that has no name is the lead's
		id = l.id
	}
	s := core.Statement{
		Deal: ev.Body.GetSource() + "/" + id, Kind: kind, At: ev.OccurredAt().UnixMilli(), Seq: ev.Seq, Event: eventHash(ev.Body),
		Stage: clip(d.GetStage()), Reason: clip(d.GetReason()), Role: clip(d.GetRole()), Created: millis(d.GetCreatedAt()),
	}
	s.Owner, s.Team = g.rep(clip(d.GetOwner()))
	if n, err := money.Round(d.GetAmount().GetAmount()); err == nil {
		s.Amount, s.HasAmount, s.Currency = n, true, clip(d.GetAmount().GetCurrency())
	}
	if !l.row.Said(s) {
		return journal.Duplicate
	}
	return journal.Applied
}

// eventHash names an event of a source.
func eventHash(ev *journalv1.Event) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(ev.GetSource()))
	_, _ = h.Write([]byte{0})
	_, _ = h.Write([]byte(ev.GetId()))
	return h.Sum64()
}

func whole(points float64) int32 {
	if !(points > 0) { // NaN, too
		return 0
	}
	return int32(min(math.Floor(points), math.MaxUint8))
}

func add(list []string, s string) []string {
	for _, have := range list {
		if have == s {
			return list
		}
	}
	return append(list, s)
}

// clip keeps the first maxText bytes of a text, whole characters.
func clip(s string) string {
	if len(s) > maxText {
		return strings.ToValidUTF8(s[:maxText], "")
	}
	return s
}
